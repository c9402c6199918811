"""coloc on a trained ear at run time: the ear, its localizer and its classifier by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.config import from_mapping
from avloc_ros.decode.coloc_steps import ColocStepsConfig, and_heard, find_directions, name_apart
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.decode.multi_accdoa import MultiAccdoaConfig, decode_multi_accdoa
from avloc_ros.features.directions.flow_features import flow_features_of_spectra
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, sha256_of, shipped_weights
from avloc_ros.systems.av_seld import AvSeldNetwork
from avloc_ros.systems.event_network import KEEP_SHARE, EventNetworkConfig, FoaSpectra
from avloc_ros.types import InputError


class ColocEarNetwork:
    """See EventNetwork. parts: the weights of `localizer` and `classifier`; the ear is the shipped one that their card names.

    Raises InputError where the ear is another one than they learned with, or the array does not carry FOA.
    """

    picture_size: tuple[int, int] | None = None

    def __init__(
        self, parts: dict[str, Weights], config: EventNetworkConfig, array: MicrophoneArray | None = None
    ) -> None:
        card = parts["localizer"].card
        recipe, where = card["recipe"], str(parts["localizer"].path)
        ear = open_ear(recipe["ear"], config, array)
        if card["ear_sha256"] != ear_sha256(recipe["ear"]):
            raise InputError(f"{where} learned with another '{recipe['ear']}' than the one that is shipped: train it again")
        self.name, self._ear = str(card["name"]), ear
        self.classes, self.frames = ear.classes, ear.frames
        self.sample_rate_hz, self.channels = ear.sample_rate_hz, ear.channels
        self._rows = max(1, int(recipe["height"]) - 1)
        self._apart_deg, self._heard_from = float(recipe["apart_deg"]), float(recipe.get("heard_from", 0.0))
        steps = from_mapping(ColocStepsConfig, recipe["steps"], where)
        self.steps = ColocStepsConfig(steps.max_overlap, float(card["threshold"]), steps.perturb_deg, steps.seed)
        self.on = config.threshold or float(card["class_threshold"])
        self.off = self.on * (config.keep_share or KEEP_SHARE)
        self._engines = {part: OnnxEngine(parts[part].path, config.device, config.threads) for part in parts}
        for engine in self._engines.values():
            engine.warm_up()

    @property
    def spectra(self) -> FoaSpectra:
        """What it hears."""
        return self._ear.spectra

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the networks."""
        return (*self._ear.engines, *self._engines.values())

    def events(self, samples: np.ndarray, pictures: np.ndarray | None, newest: int) -> EventsByFrame:
        """What sounds in the `newest` label frames of a chunk; pictures play no part."""
        spectra = self._ear.spectra(samples)
        heard: dict[str, Any] = {
            "features": flow_features_of_spectra(spectra, self._ear.features)[None],
            "vectors": self._ear.vectors_of_spectra(spectra)[None],
        }

        def localize(told: np.ndarray, step: np.ndarray) -> np.ndarray:
            return self._engines["localizer"].run(heard | {"told": told, "step": step})["direction"]

        def classify(directions: np.ndarray) -> np.ndarray:
            return self._engines["classifier"].run({"vectors": heard["vectors"], "directions": directions})["logits"]

        found = find_directions(localize, self.frames, self._rows, self.steps)
        named = name_apart(classify, found, len(self.classes), self._apart_deg, newest)
        if self._heard_from:
            told = decode_multi_accdoa(heard["vectors"][0][-newest:], len(self.classes), MultiAccdoaConfig(self._heard_from))
            named = and_heard(named, told, self.steps.max_overlap)
        return named


def open_ear(name: str, config: EventNetworkConfig, array: MicrophoneArray | None = None) -> AvSeldNetwork:
    """The shipped network of this name. Raises InputError where there is none, or it needs more than FOA."""
    if name not in shipped_weights():
        raise InputError(f"no weights '{name}' are part of this package: coloc needs them as its ear")
    ear = AvSeldNetwork(EventNetworkConfig(name, device=config.device, threads=config.threads), array)
    if ear.picture_size is not None or not hasattr(ear, "features"):
        raise InputError(f"'{name}' is no ear for coloc: it must hear FOA, and nothing else")
    return ear


def ear_sha256(name: str) -> str:
    """The hash of shipped weights."""
    return sha256_of(Path(shipped_weights()[name]))
