"""Real recordings: every single-talker ReSpeaker clip of the data kit within 5 degrees, whichever way the array is turned."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from avloc_ros.config import shipped_folder
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.geometry import wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.srp import SrpConfig, SrpTracker
from avloc_ros.types import AudioWindow

FOLDER = Path(os.environ.get("AVLOC_DATA", "/nonexistent")) / "array_recordings" / "respeaker4_multissl"
ARRAY = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "respeaker_usb_4mic.yaml")


def clips(talkers: str) -> list[dict[str, str]]:
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "labels.csv").open(encoding="utf-8") as table:
        return [row for row in csv.DictReader(table) if row["n_sources"] == talkers]


def heard_azimuths_deg(file: str, turns: int = 0) -> list[float]:
    """Azimuths of all peaks above the threshold, over the clip."""
    rate, samples = wavfile.read(FOLDER / file)
    samples = np.roll(samples.astype(np.float32) / 32768, turns, axis=1)
    tracker, length, found = SrpTracker(SrpConfig(), ARRAY, None, rate), rate // 25, []
    for k in range(len(samples) // length):
        grids = tracker.step(AudioWindow(k * 40_000_000, samples[k * length : (k + 1) * length], rate))
        found += [float(np.degrees(peak.u)) for peak in find_peaks(grids.sphere)]
    return found


@pytest.mark.skipif(not FOLDER.is_dir(), reason="AVLOC_DATA does not name the data kit")
@pytest.mark.parametrize("turns", range(4))
def test_single_talker_clips_within_five_degrees(turns: int) -> None:
    assert clips("1")
    for clip in clips("1"):
        truth = float(clip["azimuth_deg"]) + 90 * turns
        off = np.degrees(
            np.abs(wrap_angle(np.radians(np.array(heard_azimuths_deg(clip["file"], turns)) - truth)))
        )
        assert len(off) > 15, clip["file"]
        assert np.median(off) < 5.0, clip["file"]
        assert np.mean(off < 10) > 0.9, clip["file"]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="AVLOC_DATA does not name the data kit")
def test_two_talkers_are_both_heard() -> None:
    for clip in clips("2"):
        found = np.array(heard_azimuths_deg(clip["file"]))
        for truth in map(float, clip["azimuth_deg"].split(";")):
            off = np.degrees(np.abs(wrap_angle(np.radians(found - truth))))
            assert np.mean(off < 15) > 0.15, clip["file"]
