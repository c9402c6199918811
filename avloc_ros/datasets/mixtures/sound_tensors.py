"""Dry sounds on a device, all of one split in one row of samples, so that those of a whole batch are cut out at once.

Voices and recordings stand there at several speeds, beside generated sounds and a stretch of white noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import Tensor

from avloc_ros.datasets.mixtures.generated_sounds import generated_sound
from avloc_ros.datasets.mixtures.sounds import BLOCK, OTHER_SPEEDS, RATE_HZ, SPEEDS
from avloc_ros.simulation.sound.clean_speech import active_blocks, active_rms

GENERATED_S = 5.0
NOISE_S = 30.0
JOBS_AHEAD = 4  # sounds that one process is given at a time


@dataclass(frozen=True)
class DrySound:
    """samples: float16 (samples,), of active RMS 0.1; active: bool (blocks of 10 ms,), empty where it is no voice."""

    samples: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Recorded:
    """What a library is made from, each a list of sounds (samples,) at 16 kHz."""

    voices: Sequence[np.ndarray]
    synthetic: Sequence[np.ndarray]
    others: Sequence[np.ndarray]


class SoundTensors:
    """One row of samples float16 on the device; first and length (sounds,) of each sound in it, on the CPU.

    voices, synthetic, others, generated: numbers of the sounds of each kind; noise: the number of white noise.
    """

    def __init__(self, recorded: Recorded, generated: int, seed: int, device: torch.device, processes: int = 1) -> None:
        rng = np.random.default_rng([seed, 9])
        with _workers(processes) as workers:
            map_ = workers.map if workers is not None else map
            several = {"chunksize": JOBS_AHEAD} if workers is not None else {}
            jobs = {
                "voices": map_(voice_at_speed, *_at_all_speeds(recorded.voices, SPEEDS), **several),
                "synthetic": map_(voice_at_speed, *_at_all_speeds(recorded.synthetic, SPEEDS), **several),
                "others": map_(other_at_speed, *_at_all_speeds(recorded.others, OTHER_SPEEDS), **several),
                "generated": map_(made_up, rng.integers(2**31, size=generated).tolist(), **several),
            }
            kinds = {name: list(sounds) for name, sounds in jobs.items()}
        white = rng.standard_normal(round(NOISE_S * RATE_HZ)).astype(np.float16)
        kinds["noise"] = [DrySound(white, np.zeros(0, bool))]
        everything = [sound for sounds in kinds.values() for sound in sounds]
        self.samples = torch.from_numpy(np.concatenate([sound.samples for sound in everything])).to(device)
        self.active = np.concatenate([sound.active for sound in everything])
        self.length = np.array([len(sound.samples) for sound in everything])
        self.blocks = np.array([len(sound.active) for sound in everything])
        self.first = np.cumsum(self.length) - self.length
        self.first_block = np.cumsum(self.blocks) - self.blocks
        ends = np.cumsum([len(sounds) for sounds in kinds.values()])
        numbers = [np.arange(end - len(sounds), end) for end, sounds in zip(ends, kinds.values(), strict=True)]
        self.voices, self.synthetic, self.others, self.generated, (self.noise,) = numbers

    def cut(self, sounds: np.ndarray, offsets: np.ndarray, backwards: np.ndarray, count: int) -> Tensor:
        """float32 (n, count): each of the sounds (n,) from its offset (n,) on, looped; backwards (n,) ones turned."""
        device = self.samples.device
        first, length, offset, turned = (
            torch.as_tensor(values, device=device)[:, None]
            for values in (self.first[sounds], self.length[sounds], offsets, backwards)
        )
        at = (offset + torch.arange(count, device=device)) % length
        at = torch.where(turned, length - 1 - at, at)
        return self.samples[first + at].float()

    def speaks(self, sounds: np.ndarray, first_blocks: np.ndarray, count: int) -> np.ndarray:
        """bool (n, count): whether each voice (n,) speaks in the blocks of 10 ms from first_blocks (n,) on, looped."""
        at = (first_blocks[:, None] + np.arange(count)) % self.blocks[sounds][:, None]
        return self.active[self.first_block[sounds][:, None] + at]


def voice_at_speed(samples: np.ndarray, speed_percent: int) -> DrySound:
    """A voice of whole blocks, and when it speaks."""
    changed = resample_poly(samples, 100, speed_percent).astype(np.float32)
    active = active_blocks(changed, RATE_HZ)
    return DrySound(_levelled(changed)[: len(active) * BLOCK], active)


def other_at_speed(samples: np.ndarray, speed_percent: int) -> DrySound:
    """Another sound."""
    return DrySound(_levelled(resample_poly(samples, 100, speed_percent).astype(np.float32)), np.zeros(0, bool))


def made_up(seed: int) -> DrySound:
    """A generated sound."""
    samples = generated_sound(np.random.default_rng(seed), round(GENERATED_S * RATE_HZ), RATE_HZ)
    return DrySound(_levelled(samples), np.zeros(0, bool))


def _levelled(samples: np.ndarray) -> np.ndarray:
    return (0.1 * samples / active_rms(samples, RATE_HZ)).astype(np.float16)


def _at_all_speeds(
    sounds: Sequence[np.ndarray], speeds_percent: Sequence[int]
) -> tuple[list[np.ndarray], list[int]]:
    pairs = [(sound, speed) for sound in sounds for speed in speeds_percent]
    return [sound for sound, _ in pairs], [speed for _, speed in pairs]


@contextmanager
def _workers(processes: int) -> Iterator[Executor | None]:
    """Processes that start anew: a copy of one that uses a GPU could not."""
    if processes <= 1:
        yield None
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as workers:
        yield workers
