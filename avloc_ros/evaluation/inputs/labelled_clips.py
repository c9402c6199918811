"""Real recordings of an array with the direction of their talkers in a table: labels.csv beside the wav files.

Columns: file, n_sources, distance_cm, azimuth_deg, elevation_deg; several talkers are separated by `;`. When they speak
is not labelled: a frame counts as speech where its level is within 25 dB of the loud ones of the clip.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avloc_ros.evaluation.inputs.recording_input import DEFAULT_FPS, EvaluationInput, Moment, window_at
from avloc_ros.geometry import wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.sources.stream import stamp_of
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import InputError

ABOVE_FLOOR_DB = 6.0  # real recordings have a floor: a frame of it is no speech
SPEECH_WITHIN_DB = 25.0


def clip_inputs(
    folder: Path, array: MicrophoneArray | None, rotate_channels: int = 0
) -> list[EvaluationInput]:
    """One input per row of labels.csv. Raises InputError without a geometry, or where table and files disagree."""
    if array is None:
        raise InputError(f"{folder} holds recordings without geometry: give the array with --array FILE")
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [_clip(folder, row, array, rotate_channels, number) for number, row in enumerate(rows, 2)]


def _clip(
    folder: Path, row: dict[str, str], array: MicrophoneArray, rotate_channels: int, line: int
) -> EvaluationInput:
    try:
        azimuths = np.radians([float(a) for a in row["azimuth_deg"].split(";")])
        elevations = np.radians([float(e) for e in row["elevation_deg"].split(";")])
        distance_m = float(row["distance_cm"]) / 100
        samples, rate_hz = read_audio(folder / row["file"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / 'labels.csv'} line {line}: {error}") from error
    if samples.shape[1] < array.channels:
        raise InputError(f"{row['file']} has {samples.shape[1]} channels, the array {array.channels}")
    samples = np.roll(samples[:, : array.channels], rotate_channels, axis=1)
    azimuths = wrap_angle(azimuths + turned_by_rotation(array, rotate_channels))
    frames = int(len(samples) / rate_hz * DEFAULT_FPS)
    speech = speech_frames(samples, rate_hz, frames)
    truth = {
        k: tuple(
            _row(k, f"talker{n}", azimuth, elevation, distance_m, bool(speech[k]))
            for n, (azimuth, elevation) in enumerate(zip(azimuths, elevations, strict=True), 1)
        )
        for k in range(frames)
    }

    def moments() -> Iterator[Moment]:
        for k in range(frames):
            yield k, window_at(samples, rate_hz, k, DEFAULT_FPS, stamp_of(0, k, DEFAULT_FPS)), None

    path = folder / row["file"]
    extra = {
        "clip_azimuth_deg": [float(a) for a in np.degrees(azimuths)],
        "rotated_channels": rotate_channels,
    }
    return EvaluationInput(
        path.stem, path, DEFAULT_FPS, frames, array, None, rate_hz, truth, moments, extra, (path,)
    )


def _row(
    frame: int, speaker: str, azimuth_rad: float, elevation_rad: float, distance_m: float, speaking: bool
) -> TruthRow:
    return TruthRow.unseen(frame, DEFAULT_FPS, speaker, azimuth_rad, elevation_rad, distance_m, speaking)


def turned_by_rotation(array: MicrophoneArray, channels: int) -> float:
    """By how many radians a talker seems to move when the channels are rolled by `channels`.

    The array must be a regular polygon in channel order: each position, turned by one step, is the next one. Raises
    InputError where it is not.
    """
    if channels == 0:
        return 0.0
    planar = array.positions_m[:, :2] - array.positions_m[:, :2].mean(0)
    for step in (2 * np.pi / array.channels, -2 * np.pi / array.channels):
        rotation = np.array([[np.cos(step), -np.sin(step)], [np.sin(step), np.cos(step)]])
        if np.allclose(planar @ rotation.T, np.roll(planar, -1, axis=0), atol=1e-4):
            return channels * step
    raise InputError(f"array '{array.name}' is no regular polygon: its channels cannot be rotated")


def speech_frames(samples: np.ndarray, rate_hz: int, frames: int) -> np.ndarray:
    """bool (frames,): level within 25 dB of the clip's 95th percentile, and 6 dB above its floor (5th percentile)."""
    mono = samples.mean(1)
    edges = [round(k * rate_hz / DEFAULT_FPS) for k in range(frames + 1)]
    level_db = np.array(
        [10 * np.log10(np.mean(mono[a:b] ** 2) + 1e-12) for a, b in itertools.pairwise(edges)]
    )
    floor_db, loud_db = np.percentile(level_db, [5, 95])
    return level_db > max(loud_db - SPEECH_WITHIN_DB, floor_db + ABOVE_FLOOR_DB)
