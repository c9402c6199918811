"""Sound for the DSW audio network, mixed on the fly: talkers and noise through a bank of responses, anew for each batch.

A batch is made of clips of a few consecutive frames, whose talkers share one room and stand still; every frame of a clip
is one example. What happens is drawn in numpy; the sound is computed in torch, on the GPU where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.utils.data import Dataset

from avloc_ros.config import setting
from avloc_ros.datasets.grids.targets import TargetConfig, batched_targets
from avloc_ros.datasets.mixtures.dsw_spectra import batched_frame_maps
from avloc_ros.datasets.mixtures.joined_voices import JoinedVoices
from avloc_ros.datasets.mixtures.response_bank import ResponseBank
from avloc_ros.datasets.mixtures.voices import Voice
from avloc_ros.features.inputs.dsw_input import DswInputConfig

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


@dataclass(frozen=True)
class Draw:
    """What happens in the clips of a batch.

    room: (clips,); place: (clips, sources), the noise is the last source; voice, start, gain: (clips, talkers), gain 0 for
    those who are not there; pole: (clips,), how low the noise is; snr_db, level_dbfs: (clips,); seed: of the noises.
    """

    room: np.ndarray
    place: np.ndarray
    voice: np.ndarray
    start: np.ndarray
    gain: np.ndarray
    pole: np.ndarray
    snr_db: np.ndarray
    level_dbfs: np.ndarray
    seed: int


class MixedSound(Dataset):
    """Batches by number: the same seed and number give the same batch. Each is {"spectra", "target"} for training.

    spectra: float32 (clips * clip_frames, maps, frames, bins); target: float32 (clips * clip_frames, rows, cols); both on
    the device that `to` named.
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
        self.bank, self.layout, self.mix, self.target = bank, layout, mix, target
        self.grid, self.image_size, self.clips, self.seed, self.count = grid, image_size, clips, seed, count
        self.voices = JoinedVoices(voices)
        self._responses = torch.from_numpy(bank.responses)  # (rooms, places, microphones, taps)

    def to(self, device: torch.device) -> MixedSound:
        """The same, with responses and voices on a device, where all is computed from now on."""
        self._responses = self._responses.to(device)
        self.voices.to(device)
        return self

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One batch."""
        draw = self.draw(np.random.default_rng([self.seed, index, 7]))
        return {"spectra": self._spectra(self._sound(draw)), "target": self._targets(draw)}

    def clips_of(self, index: int) -> list[Clip]:
        """The clips of one batch."""
        draw = self.draw(np.random.default_rng([self.seed, index, 7]))
        samples, speaking = self._sound(draw).cpu().numpy(), self.speaking(draw)
        u_px, v_px = self._places_px(draw)
        return [
            Clip(samples[n], np.broadcast_to(u_px[n], s.shape), np.broadcast_to(v_px[n], s.shape), s)
            for n, s in enumerate(speaking)
        ]

    def spectra_of(self, clip: Clip) -> np.ndarray:
        """Network inputs (clip_frames, maps, frames, bins) of the inner frames of a clip."""
        return self._spectra(torch.from_numpy(clip.samples)[None]).numpy()

    def draw(self, rng: np.random.Generator) -> Draw:
        """Rooms, places, and what each talker and the noise say before the room."""
        clips, most, mix = self.clips, self.mix.max_talkers, self.mix
        shares = np.array(TALKER_SHARES[: most + 1])
        talkers = rng.choice(most + 1, clips, p=shares / shares.sum())
        voice = rng.integers(len(self.voices), size=(clips, most))
        gain = 10 ** (rng.uniform(-mix.level_db, mix.level_db, (clips, most)) / 20)
        return Draw(
            room=rng.integers(len(self.bank.responses), size=clips),
            place=rng.random((clips, self.bank.responses.shape[1])).argsort(1)[:, : most + 1],
            voice=voice,
            start=self.voices.starts(rng, voice, self._length),
            gain=np.where(np.arange(most) < talkers[:, None], gain, 0.0),
            pole=rng.uniform(0.0, 0.97, clips),
            snr_db=rng.uniform(mix.lowest_snr_db, mix.highest_snr_db, clips),
            level_dbfs=rng.uniform(mix.quietest_dbfs, mix.loudest_dbfs, clips),
            seed=int(rng.integers(2**62)),
        )

    def speaking(self, draw: Draw) -> np.ndarray:
        """Whether each talker speaks in each inner frame: bool (clips, clip_frames, talkers)."""
        inner = self.layout.frames_before + np.arange(self.mix.clip_frames + 1)
        edges = draw.start[..., None] + self.bank.taps + inner * self.layout.frame_samples
        active = self.voices.is_active(draw.voice, edges / self.layout.sample_rate_hz) & (draw.gain[..., None] > 0)
        return active.transpose(0, 2, 1)

    def _sound(self, draw: Draw) -> Tensor:
        """What the array hears: float32 (clips, frames, frame_samples, microphones)."""
        device = self._responses.device
        random = torch.Generator(device).manual_seed(draw.seed)
        dry = self.voices.excerpts(draw.voice, draw.start, self._length) * _column(draw.gain, device)  # (clips, talkers, n)
        noise = _coloured(torch.randn(len(draw.room), self._length, generator=random, device=device), draw.pole)
        responses = self._responses[_index(draw.room, device)[:, None], _index(draw.place, device)]
        heard = convolved(torch.cat([dry, noise[:, None]], 1), responses)  # (clips, sources, microphones, samples)
        mixed = self._mixed(draw, heard[:, :-1].sum(1), heard[:, -1], random)
        return mixed.transpose(1, 2).unflatten(1, (self._frames, self.layout.frame_samples))

    def _mixed(self, draw: Draw, speech: Tensor, noise: Tensor, random: torch.Generator) -> Tensor:
        """Speech and noise (clips, microphones, samples) at the drawn levels, with noise of each microphone."""
        device = speech.device
        noise_power = noise.square().mean((1, 2), keepdim=True).clamp_min(1e-20)
        power = speech.square().mean((1, 2), keepdim=True)
        power = torch.where(power < 1e-12, noise_power, power)  # nobody speaks: as loud as if somebody did
        noise = noise * (power / noise_power).sqrt() * _column(_factor(-draw.snr_db)[:, None], device)
        own = torch.randn(speech.shape, generator=random, device=device) * power.sqrt() * float(_factor(-self.mix.sensor_snr_db))
        level = _column(_factor(draw.level_dbfs)[:, None], device) / power.sqrt()
        return ((speech + noise + own) * level).clamp(-1.0, 1.0)

    def _spectra(self, samples: Tensor) -> Tensor:
        """(clips * clip_frames, maps, frames, bins) of samples (clips, frames, frame_samples, microphones)."""
        maps = batched_frame_maps(samples, self.layout)  # (clips, frames, maps, bins)
        windows = maps.unfold(1, self.layout.frames, 1)  # (clips, clip_frames, maps, bins, frames)
        return windows.flatten(0, 1).transpose(2, 3).contiguous()

    def _targets(self, draw: Draw) -> Tensor:
        speaking = torch.from_numpy(self.speaking(draw)).flatten(0, 1)  # (clips * clip_frames, talkers)
        u_px, v_px = (torch.from_numpy(v).repeat_interleave(self.mix.clip_frames, 0) for v in self._places_px(draw))
        u_px, v_px, speaking = (part.to(self._responses.device) for part in (u_px, v_px, speaking))
        return batched_targets(u_px, v_px, speaking, self.image_size, *self.grid, self.target.spread_cells)

    def _places_px(self, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        """u_px and v_px (clips, talkers) of the talkers' places, NaN where the camera is blind."""
        where = draw.room[:, None], draw.place[:, :-1]
        return self.bank.u_px[where], self.bank.v_px[where]

    @property
    def _frames(self) -> int:
        """Frames of a clip with those around it that the first and last example need."""
        return self.mix.clip_frames + self.layout.frames_before + self.layout.frames_after

    @property
    def _length(self) -> int:
        """Samples before the room: those of the frames, and a run-in as long as a response."""
        return self.bank.taps + self._frames * self.layout.frame_samples


def convolved(dry: Tensor, responses: Tensor) -> Tensor:
    """What each microphone hears of each source, without the run-in: float32 (clips, sources, microphones, samples).

    dry (clips, sources, taps + samples), responses (clips, sources, microphones, taps). One batched FFT: circular overlap
    falls into the first `taps` samples, which are left out.
    """
    taps, length = responses.shape[-1], dry.shape[-1]
    size = next_fast_len(length, real=True)
    spectrum = torch.fft.rfft(dry, size)[:, :, None]  # (clips, sources, 1, bins)
    heard = torch.fft.irfft(spectrum * torch.fft.rfft(responses, size), size)
    return heard[..., taps:length]


def _coloured(white: Tensor, pole: np.ndarray) -> Tensor:
    """Noise (clips, samples) through 1 / (1 - pole / z), one pole (clips,) each; circular, since noise has no beginning."""
    length = white.shape[-1]
    turn = torch.polar(torch.ones(()), -2 * torch.pi * torch.arange(length // 2 + 1) / length).to(white.device)
    return torch.fft.irfft(torch.fft.rfft(white) / (1 - _column(pole, white.device) * turn), length)


def _factor(level_db: np.ndarray | float) -> np.ndarray:
    return 10 ** (np.asarray(level_db) / 20)


def _column(values: np.ndarray, device: torch.device) -> Tensor:
    """float32 (..., 1), to multiply what has samples along its last axis."""
    return torch.as_tensor(values, dtype=torch.float32).to(device)[..., None]


def _index(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.as_tensor(values, dtype=torch.int64).to(device)
