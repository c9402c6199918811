"""Sound for the DSW audio network, mixed on the fly: talkers and noise through a bank of responses, anew for each batch.

A batch is made of clips of a few consecutive frames, whose talkers share one room and stand still; every frame of a clip
is one example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.signal import lfilter
from torch import Tensor
from torch.utils.data import Dataset

from avloc_ros.config import setting
from avloc_ros.datasets.response_bank import ResponseBank
from avloc_ros.datasets.targets import TargetConfig, grid_targets
from avloc_ros.datasets.voices import BLOCKS_PER_S, Voice
from avloc_ros.features.dsw_input import DswInputConfig, frame_maps, stacked_frames

DIFFERENT_BATCHES = 2**20
TALKER_SHARES = (0.08, 0.37, 0.28, 0.17, 0.10)  # of clips with 0, 1, 2, 3, 4 talkers


@dataclass(frozen=True)
class MixConfig:
    """What a clip is like."""

    clip_frames: int = setting(8, "consecutive frames of one clip", low=1, high=1000)
    max_talkers: int = setting(4, "talkers at most", low=1, high=4)
    level_db: float = setting(6.0, "talkers differ by up to so many dB from each other", low=0.0, high=40.0)
    quietest_dbfs: float = setting(-50.0, "softest speech", low=-90.0, high=0.0)
    loudest_dbfs: float = setting(-15.0, "loudest speech", low=-90.0, high=0.0)
    lowest_snr_db: float = setting(0.0, "most directional noise", low=-30.0, high=60.0)
    highest_snr_db: float = setting(30.0, "least directional noise", low=-30.0, high=60.0)
    sensor_snr_db: float = setting(30.0, "noise of each microphone of its own", low=0.0, high=120.0)


@dataclass(frozen=True)
class Clip:
    """samples: float32 (frames, frame_samples, microphones); u_px, v_px, speaking: (frames, talkers) of the inner frames."""

    samples: np.ndarray
    u_px: np.ndarray
    v_px: np.ndarray
    speaking: np.ndarray


class MixedSound(Dataset):
    """Batches by number: the same seed and number give the same batch. Each is {"spectra", "target"} for training.

    spectra: float32 (clips * clip_frames, maps, frames, bins); target: float32 (clips * clip_frames, rows, cols).
    """

    def __init__(
        self,
        bank: ResponseBank,
        voices: Sequence[Voice],
        layout: DswInputConfig,
        mix: MixConfig,
        target: TargetConfig,
        grid: tuple[int, int],
        image_size: tuple[int, int],
        clips: int,
        seed: int = 0,
        count: int = DIFFERENT_BATCHES,
    ) -> None:
        self.bank, self.voices, self.layout, self.mix, self.target = bank, voices, layout, mix, target
        self.grid, self.image_size, self.clips, self.seed, self.count = grid, image_size, clips, seed, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One batch."""
        clips = self.clips_of(index)
        spectra = np.concatenate([self.spectra_of(clip) for clip in clips])
        target = np.concatenate([self._target_of(clip) for clip in clips])
        return {"spectra": torch.from_numpy(spectra), "target": torch.from_numpy(target)}

    def clips_of(self, index: int) -> list[Clip]:
        """The clips of one batch."""
        rng = np.random.default_rng([self.seed, index, 7])
        drawn = [self._draw(rng) for _ in range(self.clips)]
        heard = convolved(
            np.stack([scene.dry for scene in drawn]), np.stack([scene.responses for scene in drawn])
        )
        return [self._clip(rng, scene, sources) for scene, sources in zip(drawn, heard, strict=True)]

    def spectra_of(self, clip: Clip) -> np.ndarray:
        """Network inputs (clip_frames, maps, frames, bins) of the inner frames of a clip."""
        stacked = stacked_frames(frame_maps(clip.samples, self.layout), self.layout)
        first = self.layout.frames_before
        return stacked[first : first + self.mix.clip_frames]

    def _target_of(self, clip: Clip) -> np.ndarray:
        where = clip.u_px, clip.v_px, clip.speaking
        return grid_targets(*where, self.image_size, *self.grid, self.target.spread_cells)

    def _draw(self, rng: np.random.Generator) -> _Drawn:
        """Room, places, and what each talker and the noise (the last source) say before the room."""
        sources = self.mix.max_talkers + 1
        room = int(rng.integers(len(self.bank.responses)))
        shares = np.array(TALKER_SHARES[:sources])
        talkers = int(rng.choice(sources, p=shares / shares.sum()))
        places = rng.choice(self.bank.responses.shape[1], sources, replace=False)
        length = self.bank.taps + self._frames * self.layout.frame_samples
        dry = np.zeros((sources, length), np.float32)
        speaking = np.zeros((self.mix.clip_frames, self.mix.max_talkers), bool)
        for talker in range(talkers):
            voice = self.voices[int(rng.integers(len(self.voices)))]
            gain = 10 ** (rng.uniform(-self.mix.level_db, self.mix.level_db) / 20)
            dry[talker], speaking[:, talker] = self._excerpt(rng, voice, length)
            dry[talker] *= gain
        dry[-1] = lfilter([1.0], [1.0, -rng.uniform(0.0, 0.97)], rng.standard_normal(length))
        return _Drawn(dry, self.bank.responses[room, places], speaking, room, places[:-1])

    def _excerpt(self, rng: np.random.Generator, voice: Voice, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Samples (length,), and whether each inner frame speaks; beyond the ends of the voice is silence."""
        rate = self.layout.sample_rate_hz
        start = int(rng.integers(-length // 2, max(1, len(voice.samples) - length // 2)))
        first, end = max(0, start), min(len(voice.samples), start + length)
        samples = np.zeros(length, np.float32)
        samples[first - start : end - start] = voice.samples[first:end]
        inner = self.layout.frames_before + np.arange(self.mix.clip_frames + 1)
        edges = start + self.bank.taps + inner * self.layout.frame_samples
        blocks = np.floor(edges * (BLOCKS_PER_S / rate)).astype(int)
        padded = np.concatenate([[0], np.cumsum(voice.active)])  # blocks active before each block
        counts = padded[np.clip(blocks, 0, len(voice.active))]
        return samples, np.diff(counts) >= 0.5 * np.maximum(np.diff(blocks), 1)

    def _clip(self, rng: np.random.Generator, scene: _Drawn, sources: np.ndarray) -> Clip:
        """Sum the sources (sources, microphones, samples) at the drawn levels, and add the noise of each microphone."""
        speech, noise = sources[:-1].sum(0), sources[-1]
        power = float(np.mean(speech**2))
        if power < 1e-12:  # nobody speaks: as loud as if somebody did
            power = float(np.mean(noise**2))
        snr_db = rng.uniform(self.mix.lowest_snr_db, self.mix.highest_snr_db)
        noise = noise * np.sqrt(power / max(float(np.mean(noise**2)), 1e-20)) * 10 ** (-snr_db / 20)
        own = rng.standard_normal(speech.shape) * np.sqrt(power) * 10 ** (-self.mix.sensor_snr_db / 20)
        level = 10 ** (rng.uniform(self.mix.quietest_dbfs, self.mix.loudest_dbfs) / 20) / np.sqrt(power)
        mixed = np.clip((speech + noise + own) * level, -1.0, 1.0).astype(np.float32)  # (microphones, samples)
        samples = mixed.T.reshape(self._frames, self.layout.frame_samples, -1)
        shape = scene.speaking.shape
        u_px = np.broadcast_to(self.bank.u_px[scene.room, scene.places], shape)
        v_px = np.broadcast_to(self.bank.v_px[scene.room, scene.places], shape)
        return Clip(samples, u_px, v_px, scene.speaking)

    @property
    def _frames(self) -> int:
        """Frames of a clip with those around it that the first and last example need."""
        return self.mix.clip_frames + self.layout.frames_before + self.layout.frames_after


@dataclass(frozen=True)
class _Drawn:
    """dry: (sources, samples); responses: (sources, microphones, taps); speaking: (frames, talkers)."""

    dry: np.ndarray
    responses: np.ndarray
    speaking: np.ndarray
    room: int
    places: np.ndarray


def convolved(dry: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """What each microphone hears of each source, without the run-in: float32 (clips, sources, microphones, samples).

    dry (clips, sources, taps + samples), responses (clips, sources, microphones, taps). One batched FFT: circular overlap
    falls into the first `taps` samples, which are left out.
    """
    taps, length = responses.shape[-1], dry.shape[-1]
    size = next_fast_len(length, real=True)
    spectrum = torch.fft.rfft(torch.from_numpy(dry), size)[:, :, None]  # (clips, sources, 1, bins)
    heard = torch.fft.irfft(spectrum * torch.fft.rfft(torch.from_numpy(responses), size), size)
    return heard[..., taps:length].numpy()
