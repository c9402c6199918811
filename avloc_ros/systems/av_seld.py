"""av_seld at run time: multi-ACCDOA by onnxruntime, of sound and, where the network looks, of 360-degree pictures.

The DCASE baseline (`system: seld_crnn`) runs through the same door.
"""

from __future__ import annotations

import numpy as np

from avloc_ros.config import from_mapping
from avloc_ros.decode.event_classes import class_names
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.decode.multi_accdoa import MultiAccdoaConfig, decode_multi_accdoa
from avloc_ros.features.inputs.array_features import ArrayFeatureConfig, gcc_features, salsa_lite
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig, foa_features_of_spectra
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, read_weights, shipped_weights
from avloc_ros.systems.event_network import FRAME_S, KEEP_SHARE, EventNetworkConfig, FoaSpectra
from avloc_ros.types import InputError

SYSTEMS = ("av_seld", "seld_crnn")
SHIPPED = "av_seld_baseline_small"  # of those that need no camera the best on validation (docs/sound_events_results.md)


class AvSeldNetwork:
    """See EventNetwork. array: geometry of the microphones; None: the channels are FOA (W, Y, Z, X).

    Raises InputError where weights are missing or of another system, or the array does not carry FOA.
    """

    def __init__(self, config: EventNetworkConfig, array: MicrophoneArray | None = None) -> None:
        weights = _weights(config.weights)
        recipe, where = weights.card["recipe"], str(weights.path)
        self.name, self._input = weights.name, str(recipe["input"])
        chunk = recipe["chunks"]
        self.sample_rate_hz, self.frames = int(chunk["sample_rate_hz"]), round(float(chunk["chunk_s"]) / FRAME_S)
        self._engine = OnnxEngine(weights.path, config.device, config.threads)
        self._engine.warm_up()
        self._hears = "features" in self._engine.inputs
        if self._input == "foa":
            self.features = from_mapping(FoaFeatureConfig, recipe["features"], where)
            fft = self.features.fft_length, self.features.window_length, self.features.hop_length
            self.spectra = FoaSpectra(self.sample_rate_hz, fft, array)
            self.channels = self.spectra.channels
        else:
            self._array_features = from_mapping(ArrayFeatureConfig, recipe["array_features"], where)
            self.channels = int(chunk["channels"])
        shape = self._engine.inputs.get("pictures")
        self.picture_size = None if shape is None else (int(shape[-1] or 0), int(shape[-2] or 0))
        own = recipe["network"] if weights.card["system"] == "av_seld" else recipe["crnn"]
        self.classes = tuple(weights.card.get("classes", ())) or class_names(int(own["classes"]))
        decode = from_mapping(MultiAccdoaConfig, recipe["decode"], where)
        self.on = config.threshold or float(weights.card.get("threshold", decode.activity_threshold))
        self.off = self.on * (config.keep_share or KEEP_SHARE)
        self._decode = MultiAccdoaConfig(self.off, decode.merge_deg)

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._engine,)

    def events(self, samples: np.ndarray, pictures: np.ndarray | None, newest: int) -> EventsByFrame:
        """What sounds in the `newest` label frames of a chunk; see EventNetwork."""
        return decode_multi_accdoa(self.vectors(samples, pictures)[-newest:], len(self.classes), self._decode)

    def vectors(self, samples: np.ndarray, pictures: np.ndarray | None) -> np.ndarray:
        """The network's output (frames, tracks * 3 * classes)."""
        inputs = {}
        if self._hears:
            inputs["features"] = self._heard(samples)[None].astype(np.float32, copy=False)
        if self.picture_size is not None:
            if pictures is None:
                raise InputError(f"'{self.name}' looks at pictures, none were given")
            inputs["pictures"] = pictures[None].astype(np.float32, copy=False)
        return self._engine.run(inputs)["vectors"][0]

    def vectors_of_spectra(self, spectra: np.ndarray) -> np.ndarray:
        """The same of FOA spectra (4, frames, bins), of a network that only hears."""
        return self._engine.run({"features": foa_features_of_spectra(spectra, self.features)[None]})["vectors"][0]

    def _heard(self, samples: np.ndarray) -> np.ndarray:
        if self._input == "foa":
            return foa_features_of_spectra(self.spectra(samples), self.features)
        make = gcc_features if self._input == "gcc" else salsa_lite
        return make(samples, self._array_features)


def picture_size(weights: str) -> tuple[int, int] | None:
    """(width, height) of the pictures that the network of these weights (empty: the shipped ones) takes; None: it does not look.

    Raises InputError where they are missing.
    """
    card = _weights(weights).card
    if card["system"] != "av_seld" or card["recipe"]["network"]["visual"] == "none":
        return None
    network = card["recipe"]["network"]
    eyes = network["seen" if network["visual"] == "seen" else "visual_encoder"]
    return int(eyes["picture_width"]), int(eyes["picture_height"])


def _weights(given: str) -> Weights:
    path = shipped_weights().get(given or SHIPPED, given)
    if not path:
        raise InputError(f"no weights '{SHIPPED}' are part of this package: train them, and give their path as `weights`")
    weights = read_weights(path)
    if weights.card["system"] not in SYSTEMS:
        raise InputError(f"{path} holds weights of '{weights.card['system']}', need one of {', '.join(SYSTEMS)}")
    return weights
