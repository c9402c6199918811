"""Recordings of sound events as a bank of scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from avloc_ros.datasets.events.event_pictures import read_pictures
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.sources.event_bank import FULL_SCALE, BankShape, EventBank
from avloc_ros.types import InputError


def bank_of_recordings(
    folder: Path, recordings: Sequence[EventRecording], first: BankShape, sample_rate_hz: int = 24000
) -> EventBank:
    """Recordings as long as `first` says (of longer ones the beginning) as a new bank; of it room and kept are not looked at.

    Raises InputError where a recording is shorter, or has no pictures and the bank wants some.
    """
    shape = replace(first, room=len(recordings), kept=tuple(range(len(recordings))))
    shape.make(folder)
    bank, length = EventBank(folder, writable=True), shape.frames * shape.samples_per_frame
    for scene, recording in enumerate(recordings):
        samples = recording.samples(sample_rate_hz, 4)[:length]
        if len(samples) < length:
            raise InputError(f"recording {recording.name} has {len(samples)} samples, a scene of this bank needs {length}")
        pictures: np.ndarray = np.zeros(0)
        if shape.looks:
            if recording.pictures is None:
                raise InputError(f"recording {recording.name} has no pictures: a bank of these sizes needs some")
            size = shape.picture_width, shape.picture_height
            pictures = read_pictures(recording.pictures, shape.frames, *size)[:: shape.every]
        values = np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        bank.put(scene, values, list(pictures), recording.rows())
    return bank
