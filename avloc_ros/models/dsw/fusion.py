"""The fusion networks of DSW: flat, scalar and spatial stream weights, then refinement (docs/papers.md: dsw; Eq. 1 and 2).

All kinds have the same refinement and are trained with the same loss, so that only the weights differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.dsw.refinement import Refinement
from avloc_ros.models.dsw.weights import ScalarWeight, SpatialWeight
from avloc_ros.types import PROBABILITY_FLOOR, InputError

KINDS = ("flat", "scalar", "spatial")
RELIABILITY_CHANNELS = 2  # how well the camera sees each cell, and the probability of a voice
LOG_FLOOR = math.log(PROBABILITY_FLOOR)
HIGHEST_LOG = -1e-5  # log probability of an unrefined grid, below 0 so that its logit is finite and precise


@dataclass(frozen=True)
class FusionNetworkConfig:
    """Every number of the fusion network."""

    kind: str = setting("spatial", "which stream weights are estimated", choices=KINDS)
    rows: int = setting(20, "rows of the grid", low=2, high=200)
    cols: int = setting(24, "columns of the grid", low=2, high=200)
    reliability: bool = setting(True, "the weight estimators also see visibility and voice probability")
    weight_filters: tuple[int, ...] = setting((64, 32), "filters of the spatial estimator's 3x3 convolutions")
    scalar_units: tuple[int, ...] = setting((64, 32, 16), "units of the scalar estimator: two per modality, joined")
    refine: bool = setting(True, "with the refinement network; without it the output is exp(y)")
    refine_filters: int = setting(32, "filters of the refinement: 128 in the paper, 32 for a CPU", low=1, high=1024)
    refine_depth: int = setting(5, "convolutions of the refinement, and transposed ones", low=1, high=20)
    refine_residual: bool = setting(
        True, "the refinement corrects the fused grid (the outermost skip of RED-Net); without it, it replaces the grid"
    )
    count_speakers: int = setting(0, "largest number of the auxiliary speaker count head; 0: no head", low=0, high=16)
    count_units: int = setting(32, "units of the count head", low=1, high=1024)
    count_dropout: float = setting(0.4, "dropout of the count head", low=0.0, high=0.95)

    def __post_init__(self) -> None:
        if len(self.scalar_units) != 3:
            raise InputError(f"scalar_units is {list(self.scalar_units)}: need three numbers, like 64, 32, 16")


class FusionOutput(NamedTuple):
    """What training needs: logits and weights (batch, rows, cols), count logits (batch, count_speakers) or None."""

    logit: Tensor
    audio_weight: Tensor
    video_weight: Tensor
    count_logit: Tensor | None


class FusionNetwork(nn.Module):
    """audio, video (batch, rows, cols) and reliability (batch, 2, rows, cols) to probability and weights."""

    def __init__(self, config: FusionNetworkConfig) -> None:
        super().__init__()
        self.config = config
        channels = 1 + (RELIABILITY_CHANNELS if config.reliability else 0)
        if config.kind == "spatial":
            self.audio_estimator = SpatialWeight(channels, config.weight_filters)
            self.video_estimator = SpatialWeight(channels, config.weight_filters)
        elif config.kind == "scalar":
            self.estimator = ScalarWeight(channels, config.rows * config.cols, config.scalar_units)
        self.refinement = Refinement(config.refine_filters, config.refine_depth) if config.refine else None
        self.count_head = _count_head(config) if config.count_speakers else None
        initialise_glorot(self)
        if self.refinement is not None and config.refine_residual:
            self.trust = nn.Parameter(torch.ones(1))  # of the fused grid's logit
            self.refinement.start_at_zero()

    def forward(self, audio: Tensor, video: Tensor, reliability: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probability, audio weight and video weight, each (batch, rows, cols) in [0, 1]."""
        output = self.detail(audio, video, reliability)
        return torch.sigmoid(output.logit), output.audio_weight, output.video_weight

    def detail(self, audio: Tensor, video: Tensor, reliability: Tensor) -> FusionOutput:
        """Logits and weights; inputs as of `forward`."""
        log_audio, log_video = floored_log(audio), floored_log(video)
        audio_weight, video_weight = self.weights(log_audio, log_video, reliability)
        score = audio_weight * log_audio + video_weight * log_video  # Eq. 2; Eq. 1 with both weights 1
        logit = self._refined(score)
        count = self.count_head(torch.sigmoid(logit)) if self.count_head is not None else None
        return FusionOutput(logit, audio_weight, video_weight, count)

    def _refined(self, score: Tensor) -> Tensor:
        """Logits (batch, rows, cols) of fused log probabilities of that shape."""
        if self.refinement is None:
            return logit_of_log_probability(score)
        found = self.refinement(shifted(score, 2 * LOG_FLOOR)[:, None])
        if not self.config.refine_residual:
            return found
        return self.trust * logit_of_log_probability(score) + found

    def weights(self, log_audio: Tensor, log_video: Tensor, reliability: Tensor) -> tuple[Tensor, Tensor]:
        """Audio and video weight (batch, rows, cols) from floored logarithms (batch, rows, cols) and reliability."""
        # The reliability takes part even where it does not count, so that every kind has the same three inputs.
        ones = torch.ones_like(log_audio) + 0 * reliability[:, 0]
        if self.config.kind == "flat":
            return ones, ones
        extra = [reliability] if self.config.reliability else []
        audio_maps = torch.cat([shifted(log_audio, LOG_FLOOR)[:, None], *extra], dim=1)
        video_maps = torch.cat([shifted(log_video, LOG_FLOOR)[:, None], *extra], dim=1)
        if self.config.kind == "scalar":
            share = self.estimator(audio_maps, video_maps)[:, None, None] * ones
            return share, 1 - share
        return self.audio_estimator(audio_maps) * ones, self.video_estimator(video_maps) * ones


def floored_log(probability: Tensor) -> Tensor:
    """log max(z, 1e-6), with NaN as 1e-6 (docs/papers.md: dsw)."""
    floor = torch.full_like(probability, PROBABILITY_FLOOR)
    finite = torch.where(torch.isnan(probability), floor, probability)
    return torch.log(torch.clamp(finite, PROBABILITY_FLOOR, 1.0))


def shifted(log_value: Tensor, lowest: float) -> Tensor:
    """Logarithms in [lowest, 0] to [0, 1]: 0 is the floor, which is also what a convolution pads the border with."""
    return 1 - log_value / lowest


def logit_of_log_probability(log_probability: Tensor) -> Tensor:
    """log(p / (1 - p)) from log p, for p up to 0.99999."""
    log_p = torch.clamp(log_probability, max=HIGHEST_LOG)
    return log_p - torch.log(1 - torch.exp(log_p))


def initialise_glorot(network: nn.Module) -> None:
    """Glorot's uniform initialisation of all convolutions and dense layers, zero biases (paper, Sec. 3.2)."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _count_head(config: FusionNetworkConfig) -> nn.Sequential:
    """flatten - units - dropout - ReLU - one logit per number of speakers: at least 1, at least 2, ..."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(config.rows * config.cols, config.count_units),
        nn.Dropout(config.count_dropout),
        nn.ReLU(),
        nn.Linear(config.count_units, config.count_speakers),
    )
