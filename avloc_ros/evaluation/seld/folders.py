"""Scores folders of DCASE CSV files against each other, as `avloc evaluate --dcase-ref --dcase-pred` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avloc_ros.evaluation.seld.per_frame import FrameCounts, count_frames, frame_scores
from avloc_ros.evaluation.seld.segments import SegmentCounts, count_recording, segment_scores
from avloc_ros.sources.dcase_csv import CENTIMETRE_M, EventRow, read_events
from avloc_ros.types import InputError

Recording = tuple[Sequence[EventRow], Sequence[EventRow]]  # reference, prediction


def read_pairs(
    reference: Path, predicted: Path, classes: int, predicted_distance_unit_m: float = CENTIMETRE_M
) -> dict[str, Recording]:
    """{file name: (reference rows, predicted rows)} of two folders, searched with their sub-folders.

    Raises InputError where a folder has no CSV, two files share a name, or a file has no partner on the other side.
    """
    references, predictions = _csv_files(reference), _csv_files(predicted)
    missing, unknown = (
        sorted(references.keys() - predictions.keys()),
        sorted(predictions.keys() - references.keys()),
    )
    if missing:
        raise InputError(
            f"{predicted}: no prediction for {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''} "
            f"({len(missing)} of {len(references)}); write an empty file where nothing was heard"
        )
    if unknown:
        raise InputError(
            f"{reference}: no reference for the prediction {', '.join(unknown[:3])} ({len(unknown)} files)"
        )
    return {
        name: (
            read_events(references[name], classes),
            read_events(predictions[name], classes, predicted_distance_unit_m),
        )
        for name in sorted(references)
    }


def score_recordings(
    recordings: dict[str, Recording], classes: int, frames: dict[str, int] | None = None
) -> dict[str, Any]:
    """macro, micro and classwise of all recordings, the same per input, and DCASE 2024's scores under `dcase2024`.

    frames: {name: label frames} of recordings whose length is known; for others the evaluator's rule holds, by which a
    reference without events has no length, so it is not scored and named under `unscored`.
    """
    lengths = frames or {}
    with_distance = _all_have_distance(recordings)
    total, total_frames = SegmentCounts(classes), FrameCounts(classes, with_distance)
    inputs, unscored = {}, []
    for name, (reference, predicted) in recordings.items():
        if not reference and name not in lengths:
            unscored.append(name)
            continue
        counts = count_recording(reference, predicted, classes, lengths.get(name))
        total.merge(counts)
        total_frames.merge(count_frames(reference, predicted, classes, with_distance, lengths.get(name)))
        scores = segment_scores(counts)
        inputs[name] = {"micro": scores["micro"], "macro": scores["macro"]}
    return segment_scores(total) | {
        "classes": classes,
        "recordings": len(inputs),
        "dcase2024": frame_scores(total_frames),
        "inputs": inputs,
        "unscored": unscored,
    }


def write_scores(folder: Path, scores: dict[str, Any]) -> Path:
    """Write metrics.json; returns its path. Raises InputError where the folder cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder} cannot be made: {error}") from error
    path = folder / "metrics.json"
    path.write_text(json.dumps(scores, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def _csv_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"no folder at {folder}")
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.csv")):
        if path.name in files:
            raise InputError(f"{folder}: {path.name} is there twice ({files[path.name]}, {path})")
        files[path.name] = path
    if not files:
        raise InputError(f"{folder} has no CSV file: name the folder that holds the event files")
    return files


def _all_have_distance(recordings: dict[str, Recording]) -> bool:
    rows = [row for pair in recordings.values() for side in pair for row in side]
    return bool(rows) and all(row.distance_m is not None for row in rows)
