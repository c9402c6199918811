"""Histories of tracks that are followed by ear, in drawn mixtures: simulated rooms, each with an array of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avloc_ros.datasets.mixtures.any_array_mix import WINDOW, Mixer
from avloc_ros.datasets.mixtures.sounds import RATE_HZ
from avloc_ros.geometry import angles_from_direction
from avloc_ros.systems.localizer import FusedTracking, LocalizerConfig
from avloc_ros.training.speaking.histories import HistoryTaker, RecordingHistories, with_chain
from avloc_ros.types import AudioWindow


def histories_of_mixtures(mixer: Mixer, config: LocalizerConfig, count: int, seed: int) -> list[RecordingHistories]:
    """Draw, hear and follow `count` mixtures."""
    rng = np.random.default_rng(seed)
    return [_histories_of_one(mixer, config, rng, f"mixture {seed}.{k}") for k in range(count)]


def _histories_of_one(mixer: Mixer, config: LocalizerConfig, rng: np.random.Generator, name: str) -> RecordingHistories:
    room = mixer.rooms[int(rng.integers(len(mixer.rooms)))]
    mixture = mixer.mix(rng, room)
    ear = config.open_ear(room.array, None, RATE_HZ)
    taker = HistoryTaker()
    chain = FusedTracking(with_chain(replace(config, senses="audio")), None, on_facts=taker.take)
    azimuths, _ = angles_from_direction(mixture.directions) if len(mixture.directions) else (np.zeros(0), None)
    for frame in range(len(mixture.samples) // WINDOW):
        samples = mixture.samples[frame * WINDOW : (frame + 1) * WINDOW]
        window = AudioWindow(frame * 40_000_000, samples, RATE_HZ)
        chain.step(ear.step(window), None, window.stamp_ns)
        speaking = azimuths[mixture.active[:, frame]]
        taker.close_frame(frame, [float(azimuth) for azimuth in speaking], len(speaking))
    return taker.histories(name)
