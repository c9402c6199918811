"""What sounds on the paths that directions take through a chunk, as a network says that is asked for them (ours).

Paths run through what another network told and through the peaks of the flows; so a second event of a class, which the other
network cannot tell from the first, has a path and an answer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.direction_paths import PathsConfig, link_directions
from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent
from avloc_ros.features.directions.flow_map import Peaks

TOLD_SHARE = 2.0  # of a told direction beside the peaks of the flows, of which the highest has 1


@dataclass(frozen=True)
class AskedPathsConfig:
    """How answers become events."""

    apart_deg: float = setting(40.0, "places of one class nearer to each other than this are one", low=0.0, high=180.0)
    most: int = setting(3, "events at a time", low=1, high=100)
    again_power: float = setting(
        0.7, "exponent of the probability that a class that is told sounds from another place too", low=0.1, high=1.0
    )
    merged_deg: float = setting(
        30.0, "answers for a told class nearer to it than this speak of the same place: their mean is told", low=0.0, high=90.0
    )
    own_deg: float = setting(15.0, "a told direction nearer than this to a path is the path's", low=0.0, high=90.0)


def paths_to_ask(
    peaks: Sequence[Peaks], told: EventsByFrame, config: AskedPathsConfig, paths: PathsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Paths through the peaks of the flows by label frame, and through what is told: directions float32 (paths, frames, 3), and
    where they are told (paths, frames): there they are rivals of the others.
    """
    seen = []
    for events, here in zip(told, peaks, strict=True):
        own = np.array([event.direction for event in events]).reshape(-1, 3)
        shares = np.concatenate([np.full(len(own), TOLD_SHARE), here.shares])
        seen.append((np.concatenate([own, here.directions]), shares))
    linked = link_directions(seen, paths)
    directions = np.array([path.directions for path in linked], np.float32).reshape(len(linked), len(told), 3)
    rivals = np.zeros(directions.shape[:2], np.float32)
    for frame, events in enumerate(told):
        for event in events:
            cosines = directions[:, frame] @ event.direction
            if len(cosines) and cosines.max() > np.cos(np.radians(config.own_deg)):
                rivals[cosines.argmax(), frame] = 1.0
    return directions, rivals


def events_on_paths(
    directions: np.ndarray, logits: np.ndarray, config: AskedPathsConfig, least: float
) -> EventsByFrame:
    """Events on paths (paths, frames, 3) with logits (paths, frames, classes), the surest first.

    least: probability from which a class sounds. A path tells one class, and a class is told again only `apart_deg` from the
    paths that tell it; its score is then its probability to the power `again_power`, not above the score of the first. Told is
    the mean of the directions within `merged_deg` of the path, weighted with their probabilities of the class, squared.
    """
    frames = directions.shape[1]
    if not len(directions):
        return [[] for _ in range(frames)]
    probability = 1.0 / (1.0 + np.exp(-logits.astype(float)))
    beside = np.cos(np.radians(config.apart_deg))
    found: EventsByFrame = []
    for frame in range(frames):
        here, places = probability[:, frame], directions[:, frame].astype(float)
        scores, free = here.copy(), np.ones(here.shape, bool)
        events: list[FrameEvent] = []
        while len(events) < config.most:
            path, index = divmod(int((scores * free).argmax()), here.shape[1])
            score = float(scores[path, index])
            if score < least or not free[path, index]:
                break
            middle = _middle(places, places[path], here[:, index], config.merged_deg)
            events.append(FrameEvent(index, middle, score))
            free[path] = False
            free[places @ places[path] > beside, index] = False
            scores[:, index] = np.minimum(here[:, index] ** config.again_power, score)
        found.append(events)
    return found


def _middle(places: np.ndarray, place: np.ndarray, probability: np.ndarray, merged_deg: float) -> np.ndarray:
    """Mean direction of those places (paths, 3) that are near a `place`, itself one of them."""
    cosines = places @ place
    near = cosines >= min(np.cos(np.radians(merged_deg)), place @ place)  # unit vectors in 32 bits are not quite as long as 1
    middle = np.square(probability[near]) @ places[near]
    return middle / np.linalg.norm(middle)
