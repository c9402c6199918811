"""Further places of what is told: where else a class sounds, judged path by path by a network that is asked for directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from avloc_ros.config import setting
from avloc_ros.decode.direction_paths import DirectionPath, PathsConfig, link_directions
from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent
from avloc_ros.features.flow_map import Peaks

# directions float32 (1, paths, frames, 3) and rivals (1, paths, frames) -> logits (1, paths, frames, classes)
Ask = Callable[[np.ndarray, np.ndarray], np.ndarray]
TOLD_SHARE = 2.0  # of a told direction beside the peaks of the flows, of which the highest has 1


@dataclass(frozen=True)
class SecondPlacesConfig:
    """When a class is told from a second place."""

    threshold: float = setting(0.5, "probability from which a class sounds at a second place", low=0.0, high=1.0)
    apart_deg: float = setting(25.0, "places of one class that are two", low=0.0, high=180.0)
    own_deg: float = setting(15.0, "a told direction nearer than this to a path is the path's", low=0.0, high=90.0)
    smoothing: int = setting(5, "label frames over which logits are averaged", low=1, high=99)


def paths_to_ask(
    peaks: Sequence[Peaks], told: EventsByFrame, config: SecondPlacesConfig, paths: PathsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Paths through the peaks of the flows by label frame, and through what is told: directions float32 (paths,
    frames, 3), and where they are told (paths, frames): there they are rivals of the others.
    """
    seen = []
    for events, here in zip(told, peaks, strict=True):
        own = np.array([event.direction for event in events]).reshape(-1, 3)
        shares = np.concatenate([np.full(len(own), TOLD_SHARE), here.shares])
        seen.append((np.concatenate([own, here.directions]), shares))
    linked: list[DirectionPath] = link_directions(seen, paths)
    directions = np.array([path.directions for path in linked], np.float32).reshape(len(linked), len(told), 3)
    rivals = np.zeros(directions.shape[:2], np.float32)
    for frame, events in enumerate(told):
        for event in events:
            cosines = directions[:, frame] @ event.direction
            if len(cosines) and cosines.max() > np.cos(np.radians(config.own_deg)):
                rivals[cosines.argmax(), frame] = 1.0
    return directions, rivals


def second_places(
    told: EventsByFrame, directions: np.ndarray, logits: np.ndarray, config: SecondPlacesConfig, most: int
) -> EventsByFrame:
    """Further places of the classes that are told, along paths (paths, frames, 3) with logits (paths, frames, classes): the
    surest first, so that with what is told there are no more than `most` events in a frame.
    """
    smooth = uniform_filter1d(logits.astype(float), config.smoothing, axis=1, mode="nearest") if len(logits) else logits
    probability = 1.0 / (1.0 + np.exp(-smooth))
    near = np.cos(np.radians(config.apart_deg))
    found: EventsByFrame = []
    for frame, events in enumerate(told):
        here = list(events)
        classes = sorted({event.class_index for event in events})
        asked = [
            (float(probability[path, frame, index]), path, index)
            for index in classes
            for path in np.flatnonzero(probability[:, frame, index] > config.threshold)
        ]
        for score, path, index in sorted(asked, reverse=True):
            place = directions[path, frame].astype(float)
            if len(here) < most and all(place @ event.direction < near for event in here if event.class_index == index):
                here.append(FrameEvent(index, place, score))
        found.append(here[len(events) :])
    return found
