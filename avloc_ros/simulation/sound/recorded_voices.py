"""Dry speech of recorded talkers with pauses between, for sources of any length; every split has talkers of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avloc_ros.simulation.measured import read_mono
from avloc_ros.simulation.measured_rooms import share_of_split
from avloc_ros.simulation.sound.clean_speech import active_rms
from avloc_ros.simulation.sound.sound_stage import faded
from avloc_ros.types import InputError

SUFFIXES = (".wav", ".flac", ".ogg")
EXCERPT_S = (1.0, 4.0)
PAUSE_S = (0.2, 1.5)


class RecordedVoices:
    """Draws (rng, samples, rate) -> dry mono (samples,) from one talker of a folder.

    A talker is the first part of a file's name, up to a hyphen. Raises InputError where the split has no file.
    """

    def __init__(self, folder: str | Path, split: str) -> None:
        files = [path for path in Path(folder).rglob("*") if path.suffix in SUFFIXES]
        self.by_talker: dict[str, list[Path]] = {}
        for path in sorted(files):
            self.by_talker.setdefault(path.stem.split("-")[0], []).append(path)
        chosen = share_of_split([Path(talker) for talker in self.by_talker], split)
        self.talkers = [str(talker) for talker in chosen]
        if not self.talkers:
            raise InputError(f"no speech for the split '{split}' in {folder}: need {', '.join(SUFFIXES)} of 3 talkers")

    def __call__(self, rng: np.random.Generator, samples: int, sample_rate_hz: int) -> np.ndarray:
        """One talker's excerpts, each with an active RMS of 0.1, and pauses."""
        files = self.by_talker[self.talkers[int(rng.integers(len(self.talkers)))]]
        track = np.zeros(samples)
        at = round(rng.uniform(0, PAUSE_S[1]) * sample_rate_hz)
        while at < samples:
            sound = read_mono(files[int(rng.integers(len(files)))], sample_rate_hz)
            length = min(len(sound), round(rng.uniform(*EXCERPT_S) * sample_rate_hz))
            first = int(rng.integers(len(sound) - length + 1))
            part = faded(sound[first : first + length], sample_rate_hz)[: samples - at]
            track[at : at + len(part)] = 0.1 * part / active_rms(sound, sample_rate_hz)
            at += len(part) + round(rng.uniform(*PAUSE_S) * sample_rate_hz)
        return track
