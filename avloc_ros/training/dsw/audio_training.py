"""Trains the DSW audio network on sound that is mixed on the fly (docs/papers.md: dsw)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler

from avloc_ros.config import setting
from avloc_ros.datasets.grids.targets import TargetConfig
from avloc_ros.datasets.mixtures.dsw_audio import MixConfig, MixedSound
from avloc_ros.datasets.mixtures.response_bank import BankConfig
from avloc_ros.features.inputs.dsw_input import DswInputConfig
from avloc_ros.losses.grid import GridLossConfig, grid_loss
from avloc_ros.models.dsw.audio import AudioNetwork, AudioNetworkConfig
from avloc_ros.training.trainer import Fitted, OptimizerConfig, RunOptions, adam, fit, runs_on_gpu
from avloc_ros.types import InputError


@dataclass(frozen=True)
class AudioRecipe:
    """Everything that makes an audio network."""

    name: str = setting("dsw_audio", "name of the weights")
    array: str = setting("head_6mic", "microphone array: a shipped name or a file")
    camera: str = setting("", "camera YAML (keys of scene.json's camera); empty: 97 x 80 degrees, 720 x 450, at the array")
    input: DswInputConfig = field(default_factory=DswInputConfig)
    network: AudioNetworkConfig = field(default_factory=AudioNetworkConfig)
    target: TargetConfig = field(default_factory=TargetConfig)
    loss: GridLossConfig = field(default_factory=GridLossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    bank: BankConfig = field(default_factory=BankConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    voices: int = setting(80, "voices that are kept in memory", low=1, high=100000)
    steps_per_epoch: int = setting(200, "batches of one epoch", low=1, high=10**7)
    validation_steps: int = setting(20, "batches of the validation", low=1, high=10**6)
    workers: int = setting(0, "processes that mix sound beside the training; a GPU mixes for itself", low=0, high=256)
    precision: str = setting("fp16", "how the .onnx file stores its numbers", choices=("fp32", "fp16"))

    @property
    def clips(self) -> int:
        """Clips of one batch. Raises InputError where the batch is no whole number of clips."""
        clips, rest = divmod(self.optimizer.batch_size, self.mix.clip_frames)
        if rest or not clips:
            raise InputError(
                f"recipe '{self.name}': optimizer.batch_size {self.optimizer.batch_size} must be a multiple of "
                f"mix.clip_frames {self.mix.clip_frames}"
            )
        return clips


class AudioTraining(lightning.LightningModule):
    """One audio network in training."""

    def __init__(self, recipe: AudioRecipe, sounds: Sequence[MixedSound] = ()) -> None:
        """sounds: mix on the device of the network from the start of training on."""
        super().__init__()
        self.recipe, self._sounds = recipe, sounds
        self.network = audio_network(recipe)

    def on_fit_start(self) -> None:
        """The device is known: sound is mixed there."""
        for sound in self._sounds:
            sound.to(self.device)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """The loss of one batch."""
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["target"]))
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """The loss of one validation batch."""
        loss = self._loss(batch)
        self.log("val_loss", loss, prog_bar=True, sync_dist=True, batch_size=len(batch["target"]))

    def configure_optimizers(self) -> Any:
        """Adam with the recipe's schedule."""
        return adam(self, self.recipe.optimizer)

    def _loss(self, batch: dict[str, Tensor]) -> Tensor:
        return grid_loss(self.network.logit(batch["spectra"]), batch["target"], self.recipe.loss)


def audio_network(recipe: AudioRecipe) -> AudioNetwork:
    """The network of a recipe, untrained."""
    return AudioNetwork(recipe.network, recipe.input.maps, recipe.input.frames, recipe.input.bins)


def train_audio(
    recipe: AudioRecipe, training: MixedSound, validation: MixedSound, options: RunOptions
) -> tuple[AudioNetwork, Fitted]:
    """Train until the validation gets no better. Returns the best network, on the CPU, evaluating."""
    module = AudioTraining(recipe, (training, validation))
    workers = 0 if runs_on_gpu(options) else recipe.workers
    sampler = RandomSampler(training, replacement=True, num_samples=recipe.steps_per_epoch)
    loader = DataLoader(
        training,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    fitted = fit(module, loader, DataLoader(validation, batch_size=None), recipe.optimizer, options)
    return module.network.cpu().eval(), fitted
