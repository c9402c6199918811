"""The front door of all fusions: flat, or with scalar or spatial stream weights, refined or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from avloc_ros.config import setting
from avloc_ros.runtime.weights import Weights, find_weights
from avloc_ros.systems.dsw_fusion import DswFusion
from avloc_ros.systems.flat_fusion import THRESHOLD, FlatFusion
from avloc_ros.types import SpeakerGrid

KINDS = ("flat", "scalar", "spatial")


@dataclass(frozen=True)
class FusionConfig:
    """Settings of the fusion."""

    kind: str = setting(
        "spatial", "stream weights: none (flat), one per moment (scalar), or one per cell (spatial)", choices=KINDS
    )
    refine: str = setting(
        "auto",
        "the trained network cleans the fused grid; auto: on for scalar and spatial, off for flat",
        choices=("auto", "on", "off"),
    )
    weights: str = setting("", "path of the network's .onnx file with its card beside it; empty: the shipped one")
    threshold: float = setting(
        -1.0, "detection threshold of the fused probability; below 0: the one validated in training", low=-1.0, high=1.0
    )
    caution: float = setting(
        1.8,
        "odds of the validated threshold are raised by this: it was chosen for single frames, and what is wrong in one is "
        "often wrong in the next",
        low=0.01,
        high=100.0,
    )
    device: str = setting("auto", "where to infer: auto, cpu, cuda, cuda:N, tensorrt")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)

    @property
    def is_refined(self) -> bool:
        """Whether the refinement network runs."""
        return self.refine == "on" or (self.refine == "auto" and self.kind != "flat")


class Fusion(Protocol):
    """What every fusion answers to."""

    def step(self, audio: SpeakerGrid | None, video: SpeakerGrid | None) -> SpeakerGrid:
        """The fused grid of one moment, or the one grid that is there."""

    def reset(self) -> None:
        """Forget the past."""

    @property
    def facts(self) -> dict[str, str]:
        """What runs, for diagnostics."""


def open_fusion(config: FusionConfig | None = None) -> Fusion:
    """The fusion of a config. Raises InputError where it needs weights that are not there."""
    config = config or FusionConfig()
    weights = fusion_weights(config)
    if weights is None:
        return FlatFusion(config.threshold if config.threshold >= 0 else THRESHOLD)
    return DswFusion(weights, config.is_refined, config.threshold, config.device, config.threads, config.caution)


def fusion_weights(config: FusionConfig) -> Weights | None:
    """The checked weights of a config; None where it needs none. Raises InputError where they are not there."""
    if config.kind == "flat" and not config.is_refined:
        return None
    name = f"dsw_fusion_{config.kind}"
    return find_weights(config.weights, name, name)
