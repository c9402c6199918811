"""asl_unet's ear for who of the faces speaks, learned after the rest, which stays as it is: it needs sound alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.config import setting
from avloc_ros.datasets.glasses.spoken_directions import SpokenDirections, at_beams
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.training.asl_unet.ear_learning import EarSteps, learn, with_fresh
from avloc_ros.training.asl_unet.sound import sound_features
from avloc_ros.types import InputError

SILENCE = 1e-6  # level below which there is nothing to be louder than


@dataclass(frozen=True)
class DirectionEarRecipe(EarSteps):
    """How the ear learns: people and restaurants of several scenes mixed anew each time, at levels that are hard to hear."""

    batch_size: int = setting(48, "moments per step", low=2)
    rising: float = setting(0.02, "share of the steps in which the learning rate rises first", low=0.0, high=0.5)
    largest_gradient: float = setting(5.0, "norm that all gradients together are cut to; 0: any", low=0.0)
    filters: int = setting(24, "network.direction_filters", low=4, high=256)
    spoken: float = setting(0.7, "share of moments in which somebody around the wearer speaks", low=0.0, high=1.0)
    joined: float = setting(0.25, "share of moments that hear the people of another scene too", low=0.0, high=1.0)
    joined_db: float = setting(8.0, "how much louder or softer they are at most, dB", low=0.0, high=40.0)
    noisy: float = setting(0.6, "share of moments that hear the restaurant of another scene too", low=0.0, high=1.0)
    lowest_snr_db: float = setting(-8.0, "of a moment over that restaurant", low=-30.0, high=60.0)
    highest_snr_db: float = setting(15.0, "of a moment over that restaurant", low=-30.0, high=60.0)
    gain_db: float = setting(1.0, "deviation of each microphone's gain, dB", low=0.0, high=20.0)
    elsewhere: int = setting(2, "directions per moment where nobody is, beside those of its people", low=0, high=100)
    apart: float = setting(2.5, "beams within which a silent direction is too near a speaker to learn from", low=0.0)

    def __post_init__(self) -> None:
        if self.lowest_snr_db > self.highest_snr_db:
            raise InputError(f"lowest_snr_db is {self.lowest_snr_db}, above highest_snr_db {self.highest_snr_db}")


class HeardDirections(NamedTuple):
    """A batch: features (batch, channels, bins, spectra), and directions (batch, places) as numbers of beams, in which
    somebody speaks or not, and whether that counts (bool)."""

    sound: Tensor
    places: Tensor
    speaking: Tensor
    counted: Tensor


def with_direction_ear(weights: dict[str, Tensor], config: SpeakerUNetConfig, bins: int, filters: int) -> SpeakerUNet:
    """A trained network of a config with a fresh ear for directions, for sound of so many bins.

    Raises InputError where the weights are of another config.
    """
    return with_fresh("directions", weights, replace(config, direction_filters=filters, bins=bins))


def train_direction_ear(
    network: SpeakerUNet,
    moments: SpokenDirections,
    recipe: DirectionEarRecipe,
    *,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> None:
    """Learn network.directions in place, and nothing else. Raises InputError where the network has no such ear."""
    ear, generator = network.directions, torch.Generator().manual_seed(seed)
    if ear is None:
        raise InputError("this network has no ear for directions: make it with with_direction_ear")

    def loss() -> Tensor:
        batch = drawn(moments, recipe, generator)
        found = at_beams(ear(batch.sound), batch.places)
        return binary_cross_entropy_with_logits(found[batch.counted], batch.speaking[batch.counted].float())

    learn(ear, loss, recipe, say)
    network.eval()


def drawn(moments: SpokenDirections, recipe: DirectionEarRecipe, generator: torch.Generator) -> HeardDirections:
    """Moments of one scene each, some with the people of another scene, some with the restaurant of a third."""
    count, beams = recipe.batch_size, moments.audio.beams

    def share(part: float) -> Tensor:
        return torch.rand(count, generator=generator) < part

    def within(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    def one_of(numbers: Tensor) -> Tensor:
        return numbers[torch.randint(len(numbers), (count,), generator=generator)]

    first = torch.where(share(recipe.spoken), one_of(moments.spoken), one_of(moments.silent))
    other, behind, joined = one_of(moments.spoken), one_of(moments.backgrounds), share(recipe.joined)
    windows = moments.windows(first)
    windows = windows + _beside(windows, moments.windows(other), within(-recipe.joined_db, recipe.joined_db), joined)
    snr_db = within(recipe.lowest_snr_db, recipe.highest_snr_db)
    windows = windows + _beside(windows, moments.windows(behind), -snr_db, share(recipe.noisy))
    windows = windows * 10 ** (recipe.gain_db * torch.randn(count, 1, windows.shape[2], generator=generator) / 20)
    elsewhere = torch.rand(count, recipe.elsewhere, generator=generator) * (beams - 1)
    nobody = torch.zeros_like(elsewhere, dtype=torch.bool)
    places = torch.cat([moments.beams[first], moments.beams[other], elsewhere], 1)
    speaking = torch.cat([moments.speaking[first], moments.speaking[other] & joined[:, None], nobody], 1)
    known = torch.cat([moments.known[first], moments.known[other] & joined[:, None], ~nobody], 1)
    counted = known & (speaking | ~_near_a_speaker(places, speaking, recipe.apart))
    return HeardDirections(sound_features(windows, moments.audio), places, speaking, counted)


def _beside(windows: Tensor, others: Tensor, level_db: Tensor, where: Tensor) -> Tensor:
    """Other windows (batch, samples, microphones) at a level (batch,) above these, silent but `where`, bool (batch,)."""
    level = _rms(windows) / _rms(others) * 10 ** (level_db / 20) * where
    return others * level[:, None, None]


def _rms(windows: Tensor) -> Tensor:
    return windows.square().mean((1, 2)).sqrt() + SILENCE


def _near_a_speaker(places: Tensor, speaking: Tensor, apart: float) -> Tensor:
    """Whether any speaker is less than `apart` beams from each place: bool (batch, places)."""
    close = (places[:, :, None] - places[:, None]).abs() < apart
    return (close & speaking[:, None]).any(2)
