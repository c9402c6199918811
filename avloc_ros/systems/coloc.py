"""coloc at run time: localizer and classifier by onnxruntime, one event after the other (docs/papers.md: coloc).

The report's networks hear all by themselves; those that ship are made of a trained ear (systems.coloc_ear).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avloc_ros.config import from_mapping
from avloc_ros.decode.coloc_steps import ColocStepsConfig, find_directions, name_events
from avloc_ros.decode.event_classes import class_names
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.features.inputs.coloc_features import ColocFeatureConfig, coloc_features_of_spectra
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights
from avloc_ros.systems.coloc_ear import ColocEarNetwork
from avloc_ros.systems.event_network import FRAME_S, KEEP_SHARE, EventNetworkConfig, FoaSpectra
from avloc_ros.types import InputError

PARTS = ("localizer", "classifier")
DEFAULT_CLASS_SCORE = 0.3  # of thirteen classes: four times what guessing gives


def open_coloc(config: EventNetworkConfig, array: MicrophoneArray | None = None) -> ColocNetwork | ColocEarNetwork:
    """The networks of config.weights, a folder with localizer.onnx and classifier.onnx; empty: the shipped ones.

    Raises InputError where weights are missing, do not belong together, or the array does not carry FOA.
    """
    given = {part: str(Path(config.weights) / f"{part}.onnx") if config.weights else "" for part in PARTS}
    parts = {part: find_weights(given[part], f"coloc_{part}", f"coloc_{part}") for part in PARTS}
    card = parts["localizer"].card
    if card["recipe"] != parts["classifier"].card["recipe"]:
        raise InputError(f"{parts['localizer'].path} and its classifier were trained by different recipes")
    return (ColocEarNetwork if "ear" in card["recipe"] else ColocNetwork)(parts, config, array)


class ColocNetwork:
    """See EventNetwork. parts: the weights of `localizer` and `classifier`.

    Scores are the classifier's; the localizer's own threshold is that of the recipe. Raises InputError where the array does
    not carry FOA.
    """

    picture_size: tuple[int, int] | None = None

    def __init__(
        self, parts: dict[str, Weights], config: EventNetworkConfig, array: MicrophoneArray | None = None
    ) -> None:
        card, where = parts["localizer"].card, str(parts["localizer"].path)
        recipe, chunk = card["recipe"], card["recipe"]["chunks"]
        self.name = str(card["name"])
        self.sample_rate_hz, self.frames = int(chunk["sample_rate_hz"]), round(float(chunk["chunk_s"]) / FRAME_S)
        self._features = from_mapping(ColocFeatureConfig, recipe["features"], where)
        fft = self._features.fft_length, self._features.window_length, self._features.hop_length
        self._spectra = FoaSpectra(self.sample_rate_hz, fft, array)
        self.channels = self._spectra.channels
        self.classes, self._rows = class_names(int(recipe["classes"])), max(1, int(recipe["height"]) - 1)
        steps = from_mapping(ColocStepsConfig, recipe["steps"], where)
        event_threshold = float(card.get("threshold", steps.event_threshold))
        self.steps = ColocStepsConfig(steps.max_overlap, event_threshold, steps.perturb_deg, steps.seed)
        self.on = config.threshold or DEFAULT_CLASS_SCORE
        self.off = self.on * (config.keep_share or KEEP_SHARE)
        self._engines = {part: OnnxEngine(parts[part].path, config.device, config.threads) for part in PARTS}
        for engine in self._engines.values():
            engine.warm_up()

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the networks."""
        return tuple(self._engines.values())

    def events(self, samples: np.ndarray, pictures: np.ndarray | None, newest: int) -> EventsByFrame:
        """What sounds in the `newest` label frames of a chunk; pictures play no part."""
        features = coloc_features_of_spectra(self._spectra(samples), self._features)[None]  # (1, 11, frames, bins)

        def localize(told: np.ndarray, step: np.ndarray) -> np.ndarray:
            return self._engines["localizer"].run({"features": features, "told": told, "step": step})["direction"]

        def classify(directions: np.ndarray) -> np.ndarray:
            return self._engines["classifier"].run({"features": features, "directions": directions})["logits"]

        found = find_directions(localize, self.frames, self._rows, self.steps)
        return name_events(classify, found, len(self.classes), self.steps)[-newest:]
