"""Second places of a class at run time: where the flows of a chunk come from, asked of a network path by path."""

from __future__ import annotations

import numpy as np

from avloc_ros.config import from_mapping
from avloc_ros.decode.direction_paths import PathsConfig
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.decode.second_places import SecondPlacesConfig, paths_to_ask, second_places
from avloc_ros.features.flow_map import FlowMapConfig, flow_peaks
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights
from avloc_ros.systems.event_network import EventNetworkConfig

SYSTEM = "direction_query"
BEFORE = 25  # label frames before the newest ones that are listened to with them


class SecondPlaces:
    """weights: of models.direction_query with a card (training.direction_query)."""

    def __init__(self, weights: Weights, config: EventNetworkConfig) -> None:
        recipe, where = weights.card["recipe"], str(weights.path)
        self._map = from_mapping(FlowMapConfig, recipe["map"], where)
        self._paths = from_mapping(PathsConfig, recipe["paths"], where)
        self._places = from_mapping(SecondPlacesConfig, recipe["places"], where)
        self.engine = OnnxEngine(weights.path, config.device, config.threads)

    def __call__(self, spectra: np.ndarray, told: EventsByFrame, newest: int, most: int) -> EventsByFrame:
        """Further places of the classes that are told in the `newest` label frames, see decode.second_places.

        spectra: (4, analysis frames, bins) of a chunk, told: of all its label frames. Nothing is run where no frame has both an
        event and room for another.
        """
        if not any(0 < len(events) < most for events in told[-newest:]):
            return [[] for _ in told[-newest:]]
        per_label = spectra.shape[1] // len(told)
        directions, rivals = paths_to_ask(flow_peaks(spectra, len(told), self._map), told, self._places, self._paths)
        heard = min(len(told), newest + BEFORE)
        spectra = spectra[:, -heard * per_label :]
        asked = {
            "spectra": np.concatenate([spectra.real, spectra.imag])[None].astype(np.float32, copy=False),
            "directions": directions[None, :, -heard:],
            "rivals": rivals[None, :, -heard:],
        }
        logits = self.engine.run(asked)["logits"][0]
        return second_places(told[-heard:], directions[:, -heard:], logits, self._places, most)[-newest:]
