"""What one moment tells of each track: the facts from which the speaking network (docs/tracking.md) says who speaks now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avloc_ros.geometry import CameraModel, angles_from_direction, cell_of, wrap_angle
from avloc_ros.tracking.evidence import beside_threshold
from avloc_ros.tracking.track import Track
from avloc_ros.types import SpeakerGrid

FACTS = (
    "heard",  # log-odds of the peak of sound that the track was given, LEAST without one
    "is_heard",
    "fused",  # log-odds of the likeliest cell of the fused grid about the track, LEAST outside the picture
    "around",  # the same of the audio tracker's sphere
    "mouth",  # logarithm of the motion of its mouth, 0 where it is not known
    "is_mouth_known",
    "is_seen",
    "is_outside",  # of the picture
    "face_score",
    "audio_weight",  # that the fusion gave to sound there
    "voice",  # log-odds that the window holds a voice
    "others_heard",  # the largest `heard` of the other tracks, LEAST without any
    "others_heard_second",
    "others_mouth",  # the largest `mouth` of the other tracks
    "others",  # how many
    "chain",  # log-odds of speaking by the chain of turns and pauses (tracking/beliefs.py)
    "existence",  # log-odds
    "is_confirmed",
    "readable",  # probability that its mouth tells
    "duration",  # seconds since the moment before
)
LEAST = -4.3  # log-odds of 0.014: as good as nothing
CERTAIN = 1e-3  # probabilities are taken to be at least this far from 0 and 1
MOUTH_REACH = 1.25  # logarithms of motion beyond this say no more
COLS_ABOUT, ROWS_ABOUT = 1, 2  # cells of the fused grid to each side
AZIMUTH_ABOUT, ELEVATION_ABOUT = np.radians(12.0), np.radians(40.0)  # of the sphere: arrays hardly tell heights apart
EVEN_READABLE = 0.5  # of a face whose mouth was not seen to move or rest yet


def talk_facts(
    tracks: Sequence[Track], fused: SpeakerGrid, sphere: SpeakerGrid, camera: CameraModel, duration_s: float, range_m: float
) -> np.ndarray:
    """float32 (tracks, FACTS), after the tracks took the moment's faces and sounds; fused: of a trained fusion.

    range_m: how far away talkers are taken to be, to find them in the picture.
    """
    facts = np.zeros((len(tracks), len(FACTS)), np.float32)
    if not len(tracks):
        return facts
    voice = sphere.audio_weight if sphere.audio_weight is not None and np.ndim(sphere.audio_weight) == 0 else EVEN_READABLE
    directions = np.stack([track.state.direction for track in tracks])  # (tracks, 3)
    around = _around(sphere, directions)
    pixels, _ = camera.project(directions * range_m)
    for row, track in enumerate(tracks):
        cell = None if track.is_outside else cell_of(fused.layout, *pixels[row])
        facts[row] = _own_facts(track, cell, fused, around[row], float(voice), duration_s)
    _add_others(facts)
    return facts


def log_odds(probability: np.ndarray | float) -> np.ndarray:
    """Logarithm of p / (1 - p), p kept away from 0 and 1."""
    p = np.clip(probability, CERTAIN, 1 - CERTAIN)
    return np.log(p / (1 - p))


def _own_facts(
    track: Track, cell: tuple[int, int] | None, fused: SpeakerGrid, around: float, voice: float, duration_s: float
) -> tuple[float, ...]:
    """One row, what is known of others still 0."""
    heard = max(LEAST, float(log_odds(track.sound.probability))) if track.sound is not None else LEAST
    motion = track.face.mouth_motion if track.face is not None else None
    mouth = 0.0 if motion is None else float(np.clip(np.log(max(motion, 1e-6)), -MOUTH_REACH, MOUTH_REACH))
    about, weight = (LEAST, 0.0) if cell is None else (_fused_about(fused, cell), _audio_weight(fused, cell))
    return (
        heard,
        float(track.sound is not None),
        about,
        around,
        mouth,
        float(motion is not None),
        float(track.face is not None),
        float(track.is_outside),
        track.face.score if track.face is not None else 0.0,
        weight,
        float(log_odds(voice)),
        0.0,
        0.0,
        0.0,
        0.0,
        float(log_odds(track.chain_probability)),
        float(log_odds(track.existence)),
        float(track.confirmed),
        EVEN_READABLE if track.readable is None else track.readable,
        duration_s,
    )


def _fused_about(fused: SpeakerGrid, cell: tuple[int, int]) -> float:
    row, col = cell
    about = fused.probability[
        max(row - ROWS_ABOUT, 0) : row + ROWS_ABOUT + 1, max(col - COLS_ABOUT, 0) : col + COLS_ABOUT + 1
    ]
    return float(log_odds(beside_threshold(about.max()[None], fused.threshold))[0])


def _audio_weight(fused: SpeakerGrid, cell: tuple[int, int]) -> float:
    weight = fused.audio_weight
    return float(weight[cell]) if weight is not None and np.ndim(weight) == 2 else 0.0


def _around(sphere: SpeakerGrid, directions: np.ndarray) -> np.ndarray:
    """Log-odds (n,) of the likeliest cell of the sphere about each direction (n, 3)."""
    layout = sphere.layout
    azimuth, elevation = angles_from_direction(directions)
    columns = layout.u_min + (np.arange(layout.cols) + 0.5) * layout.u_step
    rows = layout.v_min + (np.arange(layout.rows) + 0.5) * layout.v_step
    is_column = np.abs(wrap_angle(columns - azimuth[:, None])) <= AZIMUTH_ABOUT  # (n, cols)
    is_row = np.abs(rows - elevation[:, None]) <= ELEVATION_ABOUT  # (n, rows)
    best = [float(sphere.probability[np.ix_(r, c)].max()) for r, c in zip(is_row, is_column, strict=True)]
    return log_odds(np.array(best))


def _add_others(facts: np.ndarray) -> None:
    """Fill in what each track has to know of the others."""
    heard, mouth = FACTS.index("heard"), FACTS.index("mouth")
    first = FACTS.index("others_heard")
    for row in range(len(facts)):
        others = np.delete(facts, row, axis=0)
        loudest = np.sort(others[:, heard])[::-1]
        facts[row, first] = loudest[0] if len(loudest) else LEAST
        facts[row, first + 1] = loudest[1] if len(loudest) > 1 else LEAST
        facts[row, first + 2] = others[:, mouth].max() if len(others) else 0.0
        facts[row, first + 3] = len(others)
