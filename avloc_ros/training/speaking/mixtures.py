"""Histories of tracks that are followed by ear, in drawn mixtures: simulated rooms, each with an array of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np

from avloc_ros.datasets.mixtures.any_array_mix import WINDOW, Mixer
from avloc_ros.datasets.mixtures.sounds import RATE_HZ
from avloc_ros.geometry import angles_from_direction
from avloc_ros.systems.localizer import FusedTracking, LocalizerConfig
from avloc_ros.training.speaking.histories import HistoryTaker, RecordingHistories, with_chain
from avloc_ros.types import AudioWindow

PART = 10  # mixtures of one seed
TRAINING_SEED, VALIDATION_SEED = 7000, 9000  # of the first part

def histories_by_processes(
    mixer: Mixer, config: LocalizerConfig, count: int, first_seed: int, jobs: int, progress: Callable[[int, int], None]
) -> list[RecordingHistories]:
    """`count` mixtures in parts of PART, each with a seed of its own, so that they do not depend on the number of `jobs`."""
    parts = [min(PART, count - first) for first in range(0, count, PART)]
    found: list[RecordingHistories] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_take, initargs=(mixer,)) as pool:
        for task in [pool.submit(_part, config, part, first_seed + k) for k, part in enumerate(parts)]:
            found += task.result()
            progress(len(found), count)
    return found


_mixer: list[Mixer] = []  # of a process that draws parts: rooms and sounds are sent to it once


def _take(mixer: Mixer) -> None:
    _mixer[:] = [mixer]


def _part(config: LocalizerConfig, count: int, seed: int) -> list[RecordingHistories]:
    return histories_of_mixtures(_mixer[0], config, count, seed)


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
