"""The figures apart: by number of talkers, by trouble, in and out of the picture, standing and walking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avloc_ros.evaluation.metrics.bearings import count_by_talkers, summarise_bearings
from avloc_ros.evaluation.metrics.localisation import FrameScores, by_talkers, summarise
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.talker_scores import TalkerScores, talker_figures
from avloc_ros.evaluation.talker_speed import WALKING_MPS
from avloc_ros.evaluation.trouble import INSIDE, OUTSIDE

KEPT = ("azimuth_error_deg_median", "azimuth_within_10deg", "count_accuracy", "false_per_frame")


def splits(recordings: Sequence[Recording]) -> dict[str, Any]:
    """All splits of several recordings of one system.

    by_talkers (in the picture; paper Sec. 4.3), by_speakers (all who speak), by_condition, by_trouble (talkers inside
    the troubled place against those outside it at the same time), by_place (on or off camera), by_speed, and switches
    per minute.
    """
    talkers = TalkerScores.joined([recording.talkers for recording in recordings])
    found: dict[str, Any] = {
        "by_speakers": by_speakers(recordings, talkers),
        "by_place": {
            "on_camera": talker_figures(talkers.where(talkers.in_picture)),
            "off_camera": talker_figures(talkers.where(~talkers.in_picture)),
        },
        "by_speed": by_speed(talkers, fps_of(recordings)),
    }
    scores = FrameScores.joined([recording.scores for recording in recordings])
    if len(scores):
        found["by_talkers"] = by_talkers(scores)
    conditions = by_condition(recordings)
    if conditions:
        found["by_condition"] = conditions
    if talkers.kinds:
        found["by_trouble"] = by_trouble(talkers)
    if any(recording.identities is not None for recording in recordings):
        found["switches_per_minute"] = switches_per_minute(talkers, fps_of(recordings))
    return found


def by_speakers(recordings: Sequence[Recording], talkers: TalkerScores) -> dict[str, dict[str, Any]]:
    """By the number of those who speak: is the count right, and are they found?"""
    counts = count_by_talkers(*(recording.bearings for recording in recordings))
    return {
        number: row | talker_figures(talkers.where(talkers.talkers == int(number)))
        for number, row in counts.items()
    }


def by_condition(recordings: Sequence[Recording]) -> dict[str, dict[str, Any]]:
    """By the condition that the scene tells (clean, noisy, dark, ...)."""
    names = sorted({str(r.facts["condition"]) for r in recordings if r.facts.get("condition")})
    return {
        name: _pooled([r for r in recordings if str(r.facts.get("condition")) == name]) for name in names
    }


def by_trouble(talkers: TalkerScores) -> dict[str, dict[str, Any]]:
    """Per kind of local trouble, while it is on: the talkers in it, and those outside it."""
    return {
        kind: {
            "inside": talker_figures(talkers.where(talkers.trouble_of(kind) == INSIDE)),
            "outside": talker_figures(talkers.where(talkers.trouble_of(kind) == OUTSIDE)),
        }
        for kind in talkers.kinds
    }


def by_speed(talkers: TalkerScores, fps: float) -> dict[str, dict[str, Any]]:
    """Talkers who stand (under 0.2 m/s) and who walk, with their identity switches per minute of their speech."""
    walking = talkers.speed_mps >= WALKING_MPS
    found = {}
    for name, chosen in (("standing", ~walking), ("walking", walking)):
        rows = talkers.where(chosen)
        found[name] = talker_figures(rows) | {
            "switches_per_minute": _per_minute(rows.switched.sum(), len(rows), fps)
        }
    return found


def switches_per_minute(talkers: TalkerScores, fps: float) -> dict[str, dict[str, float | None]]:
    """Identity switches per minute of talkers' speech, by how many speak at once and by how many speak in the scene."""

    def rates(numbers: np.ndarray) -> dict[str, float | None]:
        chosen = {int(n): talkers.where(numbers == n) for n in np.unique(numbers)}
        return {str(n): _per_minute(rows.switched.sum(), len(rows), fps) for n, rows in chosen.items()}

    return {"by_speakers": rates(talkers.talkers), "by_talkers_of_scene": rates(talkers.in_scene)}


def fps_of(recordings: Sequence[Recording]) -> float:
    """Frames per second, averaged over recordings."""
    return float(np.mean([recording.fps for recording in recordings])) if recordings else 25.0


def _per_minute(switches: int, frames: int, fps: float) -> float | None:
    return float(switches) / (frames / fps / 60) if frames else None


def _pooled(recordings: Sequence[Recording]) -> dict[str, Any]:
    scores = FrameScores.joined([recording.scores for recording in recordings])
    bearings = summarise_bearings(*(recording.bearings for recording in recordings))
    return {
        "recordings": len(recordings),
        "frames": sum(len(recording.took_ms) for recording in recordings),
        **(summarise(scores) if len(scores) else {}),
        **{name: bearings[name] for name in KEPT},
    }
