"""What the card of a live localizer says that the tracker must know."""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.config import from_mapping
from avloc_ros.decode.direction_grid import DirectionCalibration
from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.weights import Weights
from avloc_ros.types import InputError


@dataclass(frozen=True)
class LiveCard:
    """features, calibration, frames_per_label: of the network. threshold: a track surer than this is a detection.

    array: the only one that the network knows; None: any that carries FOA.
    """

    features: DirectionFeaturesConfig
    calibration: DirectionCalibration
    frames_per_label: int
    threshold: float
    array: MicrophoneArray | None

    @staticmethod
    def of(weights: Weights) -> LiveCard:
        """Raises InputError where the card lacks something."""
        card, path = weights.card, str(weights.path)
        missing = [key for key in ("features", "calibration", "frames_per_label", "threshold") if key not in card]
        if missing:
            raise InputError(f"the card of {path} lacks {', '.join(missing)}: export it anew with `avloc train`")
        features = from_mapping(DirectionFeaturesConfig, card["features"], path)
        if features.kind != "foa" and "array" not in card:
            raise InputError(f"the card of {path} names no array, and its features are those of one")
        return LiveCard(
            features,
            from_mapping(DirectionCalibration, card["calibration"], path),
            int(weights.number("frames_per_label")),
            weights.number("threshold"),
            MicrophoneArray.from_mapping(card["array"]) if features.kind != "foa" else None,
        )

    @property
    def label_s(self) -> float:
        """Seconds from one answer to the next."""
        return self.frames_per_label * self.features.hop_length / self.features.sample_rate_hz
