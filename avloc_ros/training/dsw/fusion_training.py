"""Trains a fusion network on cached grids; the front ends are frozen by construction (docs/papers.md: dsw)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning
from torch import Tensor
from torch.utils.data import DataLoader

from avloc_ros.config import setting
from avloc_ros.datasets.grids.grid_frames import Batch, GridFrames, as_batch
from avloc_ros.datasets.grids.grid_recordings import GridRecording
from avloc_ros.datasets.grids.grid_split import GridSplit, SplitConfig
from avloc_ros.datasets.grids.targets import TargetConfig
from avloc_ros.losses.grid import GridLossConfig, count_loss, grid_loss
from avloc_ros.models.dsw.fusion import FusionNetwork, FusionNetworkConfig
from avloc_ros.training.dsw.grid_scores import GridScores, predict
from avloc_ros.training.trainer import Fitted, OptimizerConfig, RunOptions, adam, fit
from avloc_ros.types import InputError

CURVE_THRESHOLD = 0.5  # of the learning curve's LE and FR; the final threshold is chosen after training


@dataclass(frozen=True)
class FusionRecipe:
    """Everything that makes a fusion network."""

    name: str = setting("dsw_fusion_spatial", "name of the weights")
    network: FusionNetworkConfig = field(default_factory=FusionNetworkConfig)
    target: TargetConfig = field(default_factory=TargetConfig)
    loss: GridLossConfig = field(default_factory=GridLossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    mirror: bool = setting(True, "half of the frames are shown mirrored left to right")
    shift_cells: int = setting(
        0, "each batch is shown moved up or down and to a side by up to so many cells", low=0, high=20
    )
    every: int = setting(1, "only every so manieth frame of a training recording is shown", low=1, high=1000)
    curve_recordings: int = setting(
        8, "validation recordings whose LE and FR stand in the learning curve; 0: none", low=0, high=100000
    )
    precision: str = setting("fp32", "how the .onnx file stores its numbers", choices=("fp32", "fp16"))

    def __post_init__(self) -> None:
        if self.shift_cells and self.network.count_speakers:
            raise InputError(
                "shift_cells moves talkers out of the picture, whom a count head would still count: set one of both to 0"
            )

    @property
    def system(self) -> str:
        """What the weights are for."""
        return f"dsw_fusion_{self.network.kind}"


class FusionTraining(lightning.LightningModule):
    """One fusion network in training."""

    def __init__(
        self, recipe: FusionRecipe, curve_recordings: Sequence[GridRecording] = (), frames: Sequence[GridFrames] = ()
    ) -> None:
        """frames: are kept on the device of the network from the start of training on."""
        super().__init__()
        self.recipe, self._frames = recipe, frames
        self.network = FusionNetwork(recipe.network)
        self._curve_recordings = curve_recordings

    def on_fit_start(self) -> None:
        """The device is known: the frames move there."""
        for frames in self._frames:
            frames.to(self.device)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss of one batch."""
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["audio"]))
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        """The loss of one validation batch."""
        loss = self._loss(batch)
        self.log("val_loss", loss, prog_bar=True, sync_dist=True, batch_size=len(batch["audio"]))

    def on_validation_epoch_end(self) -> None:
        """LE and FR of some validation recordings, for the learning curve."""
        if not self._curve_recordings:
            return
        grids = [predict(self.network, recording).probability for recording in self._curve_recordings]
        summary = GridScores(self._curve_recordings, grids).summary(CURVE_THRESHOLD)
        for name in ("le_px_mean", "le_cell_px_mean", "frame_recall"):
            value = summary[name]
            if isinstance(value, float):
                self.log(f"val_{name}", value, sync_dist=True, prog_bar=name == "le_px_mean")

    def configure_optimizers(self) -> Any:
        """Adam with the recipe's schedule."""
        return adam(self, self.recipe.optimizer)

    def _loss(self, batch: Batch) -> Tensor:
        output = self.network.detail(batch["audio"], batch["video"], batch["reliability"])
        loss = grid_loss(output.logit, batch["target"], self.recipe.loss)
        if output.count_logit is not None:
            loss = loss + self.recipe.loss.count_weight * count_loss(output.count_logit, batch["count"])
        return loss


def train_fusion(recipe: FusionRecipe, split: GridSplit, options: RunOptions) -> tuple[FusionNetwork, Fitted]:
    """Train on split.train until split.validation gets no better. Returns the best network, on the CPU, evaluating."""
    shown = GridFrames(split.train, recipe.target, recipe.mirror, recipe.shift_cells, recipe.every)
    judged = GridFrames(split.validation, recipe.target)
    module = FusionTraining(recipe, split.validation[: recipe.curve_recordings], (shown, judged))
    if not any(True for _ in module.parameters()):
        raise InputError(
            f"recipe '{recipe.name}': flat fusion without refinement has nothing to train; set network.refine to true"
        )
    batch = recipe.optimizer.batch_size
    # A last batch of one frame has no variance to normalise by: what is left over after whole batches is left out.
    training = DataLoader(shown, batch, shuffle=True, collate_fn=as_batch, drop_last=len(shown) >= batch)
    validation = DataLoader(judged, 4 * batch, collate_fn=as_batch)
    fitted = fit(module, training, validation, recipe.optimizer, options)
    return module.network.cpu().eval(), fitted

