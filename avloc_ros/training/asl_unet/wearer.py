"""asl_unet's ear for its wearer, learned after the rest, which stays as it is: masks do not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from avloc_ros.config import setting
from avloc_ros.datasets.glasses.own_voice import OwnVoiceMoments
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.training.asl_unet.ear_learning import EarSteps, learn, with_fresh
from avloc_ros.training.asl_unet.sound import sound_features


@dataclass(frozen=True)
class WearerEarRecipe(EarSteps):
    """How the ear learns: other backgrounds and gains each time, for it must not know scenes by heart."""

    filters: int = setting(32, "network.ear_filters", low=4, high=256)
    mixed: float = setting(0.6, "share of moments that hear the background of another scene too", low=0.0, high=1.0)
    mixed_db: float = setting(12.0, "that background's gain is drawn within this, dB", low=0.0, high=40.0)
    gain_db: float = setting(1.0, "deviation of each microphone's gain, dB", low=0.0, high=20.0)


def with_ear(weights: dict[str, Tensor], config: SpeakerUNetConfig, filters: int) -> SpeakerUNet:
    """A trained network of a config with a fresh ear in place of its wearer's layer.

    Raises InputError where the weights are of another config.
    """
    return with_fresh("wearer", weights, replace(config, ear_filters=filters))


def train_ear(
    network: SpeakerUNet,
    moments: OwnVoiceMoments,
    recipe: WearerEarRecipe,
    *,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> None:
    """Learn network.wearer in place, and nothing else."""
    generator = torch.Generator().manual_seed(seed)

    def loss() -> Tensor:
        sound, speaking = drawn(moments, recipe, generator)
        return cross_entropy(network.wearer(sound), speaking)

    learn(network.wearer, loss, recipe, say)
    network.eval()


def drawn(moments: OwnVoiceMoments, recipe: WearerEarRecipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch: the features but beams (batch, channels, bins, spectra) and 1 where the wearer speaks (batch,)."""
    count = recipe.batch_size
    chosen = torch.randint(len(moments), (count,), generator=generator)
    behind = moments.backgrounds[torch.randint(len(moments.backgrounds), (count,), generator=generator)]
    level_db = (2 * torch.rand(count, generator=generator) - 1) * recipe.mixed_db
    level = 10 ** (level_db / 20) * (torch.rand(count, generator=generator) < recipe.mixed)
    windows = moments.windows(chosen) + level[:, None, None] * moments.windows(behind)
    gains_db = recipe.gain_db * torch.randn(count, 1, windows.shape[2], generator=generator)
    features = sound_features(windows * 10 ** (gains_db / 20), replace(moments.audio, beams=0))
    return features, moments.speaking[chosen].long()
