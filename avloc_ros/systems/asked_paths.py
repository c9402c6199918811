"""What av_seld and coloc told is asked again at run time: path by path, with those where else the sound flows from.

A query by itself, as a user's own sounds are learnt, is asked only where the sound flows from.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avloc_ros.config import from_mapping
from avloc_ros.decode.asked_paths import AskedPathsConfig, events_on_paths, paths_to_ask
from avloc_ros.decode.direction_paths import PathsConfig
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.features.directions.flow_map import FlowMapConfig, flow_peaks
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights, read_weights, shipped_weights
from avloc_ros.systems.event_network import FRAME_S, EventNetwork, EventNetworkConfig, FoaSpectra
from avloc_ros.types import InputError

SYSTEM = SHIPPED = "direction_query"
KEEP_SHARE = 0.9  # of the threshold; a second place goes on at even less (decode.asked_paths)
SILENCE = 1e-10  # mean square of a label frame's samples: -100 dB
NEVER = -20.0  # logit
HEARD, BEFORE = 28, 17  # label frames that are listened to at the least, and before those that are judged


def asked_again(network: EventNetwork, config: EventNetworkConfig, array: MicrophoneArray | None = None) -> EventNetwork:
    """The network, and what it tells asked again as config.query says.

    Raises InputError where the query's weights are missing or of other classes, or the array does not carry FOA.
    """
    ships = not config.weights or config.weights in shipped_weights()
    if config.query == "none" or (config.query == "auto" and not (ships and SHIPPED in shipped_weights())):
        return network
    return AskedNetwork(network, config, array)


def is_query(weights: str) -> bool:
    """Whether these weights, by path or shipped name, are those of a query. Raises InputError where a path holds none."""
    path = shipped_weights().get(weights, weights)
    return bool(path) and read_weights(path).card["system"] == SYSTEM


def ask_alone(config: EventNetworkConfig, array: MicrophoneArray | None = None) -> EventNetwork:
    """The query of config.weights by itself: what sounds from where the sound flows from. Raises InputError as AskedNetwork."""
    path = str(shipped_weights().get(config.weights, config.weights))
    flows = FlowsAlone(find_weights(path, SHIPPED, SYSTEM), array)
    return AskedNetwork(flows, replace(config, query=path), array)


class FlowsAlone:
    """See EventNetwork: tells nothing of chunks such as a query learnt from, so that only the flows say where to ask."""

    picture_size: tuple[int, int] | None = None
    engines: tuple[OnnxEngine, ...] = ()
    on = off = 1.0

    def __init__(self, weights: Weights, array: MicrophoneArray | None = None) -> None:
        chunk = weights.card["recipe"]["chunks"]
        self.name, self.classes = weights.name, tuple(weights.card["classes"])
        self.sample_rate_hz, self.frames = int(chunk["sample_rate_hz"]), round(float(chunk["chunk_s"]) / FRAME_S)
        self.channels = 4 if array is None else array.channels

    def events(self, samples: np.ndarray, pictures: np.ndarray | None, newest: int) -> EventsByFrame:
        """Nothing in each of the `newest` label frames."""
        return [[] for _ in range(newest)]


class AskedNetwork:
    """See EventNetwork: another one, whose events are asked again with models.sound_events.direction_query."""

    def __init__(self, network: EventNetwork, config: EventNetworkConfig, array: MicrophoneArray | None = None) -> None:
        weights = find_weights("" if config.query == "auto" else config.query, SHIPPED, SYSTEM)
        recipe, where = weights.card["recipe"], str(weights.path)
        if tuple(weights.card["classes"]) != network.classes:
            raise InputError(f"query: {where} knows other classes than '{network.name}': set it to none, or train one for these")
        foa = from_mapping(FoaFeatureConfig, recipe["features"], where)
        if foa.sample_rate_hz != network.sample_rate_hz:
            raise InputError(f"query: {where} hears {foa.sample_rate_hz} Hz, not {network.sample_rate_hz}: set it to none")
        self._network, self.name = network, network.name
        self.classes, self.frames, self.picture_size = network.classes, network.frames, network.picture_size
        self.sample_rate_hz, self.channels = network.sample_rate_hz, network.channels
        own = FoaSpectra(foa.sample_rate_hz, (foa.fft_length, foa.window_length, foa.hop_length), array)
        shared: FoaSpectra | None = getattr(network, "spectra", None)
        self._spectra = shared if shared is not None and shared.hears_as(own) else own
        self._per_label = round(FRAME_S * foa.sample_rate_hz / foa.hop_length)
        self._map = from_mapping(FlowMapConfig, recipe["map"], where)
        self._paths = from_mapping(PathsConfig, recipe["paths"], where)
        self._asked = from_mapping(AskedPathsConfig, recipe["asked"], where)
        self._told_from = network.on
        self.on = config.threshold or weights.number("threshold")
        self.off = self.on * (config.keep_share or KEEP_SHARE)
        self._engine = OnnxEngine(weights.path, config.device, config.threads)
        nobody = np.zeros((1, 1, 1), np.float32)
        silence = np.zeros((1, 8, self._per_label, foa.fft_length // 2 + 1), np.float32)
        self._engine.run({"spectra": silence, "directions": nobody[..., None].repeat(3, 3), "rivals": nobody})  # warms up

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the networks."""
        return (*self._network.engines, self._engine)

    def events(self, samples: np.ndarray, pictures: np.ndarray | None, newest: int) -> EventsByFrame:
        """What sounds in the `newest` label frames of a chunk; see EventNetwork."""
        directions, _, logits = self.answers(samples, pictures, min(self.frames, max(HEARD, newest + BEFORE)))
        return events_on_paths(directions, logits, self._asked, self.off)[-newest:]

    def answers(
        self, samples: np.ndarray, pictures: np.ndarray | None, heard: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is asked about the newest `heard` label frames of a chunk, and the answers: directions (paths, heard, 3), where
        they were told (paths, heard), and logits (paths, heard, classes).
        """
        told = self._network.events(samples, pictures, heard)
        told = [[event for event in frame if event.score >= self._told_from] for frame in told]
        spectra = self._spectra(samples)[:, : self.frames * self._per_label]
        peaks = flow_peaks(spectra, self.frames, self._map)[-heard:]
        directions, rivals = paths_to_ask(peaks, told, self._asked, self._paths)
        if not len(directions):
            return directions, rivals, np.zeros((0, heard, len(self.classes)), np.float32)
        spectra = spectra[:, -heard * self._per_label :]
        parts = np.concatenate([spectra.real, spectra.imag]).astype(np.float32, copy=False)
        asked = {"spectra": parts[None], "directions": directions[None], "rivals": rivals[None]}
        logits = self._engine.run(asked)["logits"][0]
        size = len(samples) // self.frames
        power = np.square(samples[-heard * size :]).reshape(heard, -1).mean(1)
        logits[:, power < SILENCE] = NEVER  # what a network says of no sound at all means nothing
        return directions, rivals, logits
