"""CoLoC at work: find one direction after the other until there is none, then ask what sounds there (docs/papers.md: coloc)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent
from avloc_ros.geometry import angles_from_direction, direction_from_angles

# (found (chunks, rows, frames, 3), step (chunks,)) -> directions (chunks, frames, 3); the chunks' features are bound already.
Localize = Callable[[np.ndarray, np.ndarray], np.ndarray]
# directions (1, frames, 3) -> logits (1, frames, classes + 1); name_apart: both with rows, (1, rows, frames, ...)
Classify = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ColocStepsConfig:
    """How many events are looked for, and when a vector is one."""

    max_overlap: int = setting(3, "events at a time that are looked for at most", low=1, high=8)
    event_threshold: float = setting(
        0.5, "a direction is an event where its vector is longer", low=0.0, high=1.0
    )
    perturb_deg: float = setting(
        5.0, "conditions are shaken by up to this, as in training; 0: not", low=0.0, high=45.0
    )
    seed: int = setting(0, "of the shaking: the same chunk gives the same answer", low=0, high=2**31 - 1)


def find_directions(localize: Localize, frames: int, rows: int, config: ColocStepsConfig) -> np.ndarray:
    """Unit vectors float32 (max_overlap, frames, 3), stacked from row 0, zeros where the search had ended.

    rows: how many earlier directions the network takes, one less than it was trained for.
    """
    return search(localize, 1, frames, rows, config)[0][0]


def search(
    localize: Localize, chunks: int, frames: int, rows: int, config: ColocStepsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """find_directions in many chunks at once: unit vectors, and vectors as long as they are sure, both float32 (chunks,
    max_overlap, frames, 3), zeros where the search had ended.
    """
    random = np.random.default_rng(config.seed)
    found = np.zeros((2, chunks, config.max_overlap, frames, 3), np.float32)
    directions, sure = found
    going = np.ones((chunks, frames), bool)
    for step in range(min(config.max_overlap, rows + 1)):
        told = np.zeros((chunks, rows, frames, 3), np.float32)
        told[:, :step] = shaken(directions[:, :step], config.perturb_deg, random)
        vectors = localize(told, np.full(chunks, step, np.float32))  # (chunks, frames, 3)
        length = np.linalg.norm(vectors, axis=-1)
        going &= length > config.event_threshold
        if not going.any():
            break
        sure[:, step][going] = vectors[going]
        directions[:, step][going] = vectors[going] / length[going][:, None]
    return directions, sure


def name_events(
    classify: Classify, found: np.ndarray, classes: int, config: ColocStepsConfig
) -> EventsByFrame:
    """Events per frame of stacked directions (rows, frames, 3); what is `nothing known` to the classifier is left out."""
    random = np.random.default_rng(config.seed + 1)
    events: EventsByFrame = [[] for _ in range(found.shape[1])]
    for row in found:
        active = np.abs(row).sum(-1) > 0  # (frames,)
        if not active.any():
            continue
        probability = _softmax(
            classify(shaken(row, config.perturb_deg, random)[None])[0]
        )  # (frames, classes + 1)
        best = probability.argmax(-1)
        for frame in np.flatnonzero(active & (best < classes)):
            score = float(probability[frame, best[frame]])
            events[frame].append(FrameEvent(int(best[frame]), row[frame].astype(float), score))
    return events


def name_apart(
    classify: Classify, found: np.ndarray, classes: int, apart_deg: float, newest: int | None = None
) -> EventsByFrame:
    """Events of the newest frames (None: all) of stacked directions (rows, frames, 3); classify takes and answers all at once.

    In a frame the surest is named first; others nearer to it than `apart_deg` are of another class, for two events of one
    class at one place are one event.
    """
    first = found.shape[1] - newest if newest else 0
    probability = _softmax(classify(found[None])[0][:, first:]).astype(float)  # (rows, frames, classes + 1)
    found = found[:, first:]
    beside = np.einsum("afi,bfi->fab", found, found) > np.cos(np.radians(apart_deg))
    events: EventsByFrame = [[] for _ in range(found.shape[1])]
    for frame, left in enumerate((np.abs(found).sum(-1) > 0).T):
        for _ in range(int(left.sum())):
            row = int(np.where(left, probability[:, frame].max(-1), -1.0).argmax())
            best, left[row] = int(probability[row, frame].argmax()), False
            if best == classes:
                continue
            events[frame].append(FrameEvent(best, found[row, frame].astype(float), float(probability[row, frame, best])))
            probability[left & beside[frame, row], frame, best] = 0.0
    return events


def and_heard(named: EventsByFrame, heard: EventsByFrame, most: int) -> EventsByFrame:
    """What was named, and of what the ear tells by itself the classes that no direction has: the surest first, `most` in a frame.

    An event whose direction the search did not find is still heard, only not told apart from what was found.
    """
    found: EventsByFrame = []
    for told, beside in zip(named, heard, strict=True):
        missed = [event for event in beside if event.class_index not in {one.class_index for one in told}]
        missed.sort(key=lambda event: -event.score)
        found.append([*told, *missed[: max(0, most - len(told))]])
    return found


def shaken(directions: np.ndarray, most_deg: float, random: np.random.Generator) -> np.ndarray:
    """Directions (..., 3) off by up to `most_deg` in azimuth and elevation; zeros stay zeros (report Sec. 3.3)."""
    if most_deg == 0.0:
        return directions.astype(np.float32)
    azimuth, elevation = angles_from_direction(directions)
    offsets = np.radians(random.uniform(-most_deg, most_deg, (2, *azimuth.shape)))
    elevation = np.clip(elevation + offsets[1], -np.pi / 2, np.pi / 2)
    present = np.abs(directions).sum(-1, keepdims=True) > 0
    return np.where(present, direction_from_angles(azimuth + offsets[0], elevation), 0.0).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)
