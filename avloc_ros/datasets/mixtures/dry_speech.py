"""Dry speech with its activity in one small file, for machines that simulate their scenes while they train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.simulation.sound.clean_speech import speech_activity
from avloc_ros.simulation.sound.moving_sources import MovingSourcesConfig, VoiceDraw
from avloc_ros.simulation.sound.mu_law import from_mu_law, to_mu_law
from avloc_ros.types import InputError

STEPS = 31  # of the logarithmic scale, up and down: what it takes away is part of the dry sound, of no direction of its own


@dataclass(frozen=True)
class DrySpeech:
    """steps int8 (clips, samples) on a logarithmic scale; peak float32 (clips,), of full scale 1; active bool (clips, frames).

    active: whether somebody speaks in each label frame, from the sound before it was made small.
    """

    steps: np.ndarray
    peak: np.ndarray
    active: np.ndarray

    def samples(self) -> np.ndarray:
        """float32 (clips, samples)."""
        return from_mu_law(self.steps, self.peak[:, None], STEPS)

    def save(self, path: Path) -> None:
        """Write it as a compressed .npz."""
        np.savez_compressed(path, steps=self.steps, peak=self.peak, active=self.active)

    @classmethod
    def load(cls, path: Path) -> DrySpeech:
        """Read what save wrote. Raises InputError where there is no such file, or where it holds something else."""
        if not path.is_file():
            raise InputError(f"no dry speech at {path}: make it with avloc_ros.datasets.mixtures.dry_speech.draw_dry_speech")
        with np.load(path) as content:
            if not {"steps", "peak", "active"} <= set(content.files):
                raise InputError(f"{path} holds {', '.join(content.files)}, need steps, peak and active")
            return cls(content["steps"], content["peak"], content["active"])


def draw_dry_speech(voice: VoiceDraw, config: MovingSourcesConfig, clips: int, seed: int) -> DrySpeech:
    """So many clips of a segment's length at config.sample_rate_hz, each of one talker; the same seed gives the same."""
    rate, length = config.sample_rate_hz, round(config.seconds * config.sample_rate_hz)
    steps, active = np.empty((clips, length), np.int8), np.empty((clips, config.label_frames), bool)
    peak = np.empty(clips, np.float32)
    for number in range(clips):
        dry = voice(np.random.default_rng([seed, 17, number]), length, rate)
        active[number] = speech_activity(dry, rate, 1 / config.label_hop_s, config.label_frames)
        peak[number] = np.abs(dry).max() + 1e-9
        steps[number] = to_mu_law(dry, float(peak[number]), STEPS)
    return DrySpeech(steps, peak, active)
