"""Batches of any-array examples, mixed and analysed on a device: what any_array_mix does one by one, for many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from avloc_ros.datasets.mixtures.any_array_draws import GROUPS, TALK, BatchDraw, Entries, draw_batch
from avloc_ros.datasets.mixtures.any_array_mix import WINDOW
from avloc_ros.datasets.mixtures.room_bank import TAPS
from avloc_ros.datasets.mixtures.room_tensors import BEFORE_PEAK, RoomTensors
from avloc_ros.datasets.mixtures.sound_tensors import SoundTensors
from avloc_ros.datasets.mixtures.sounds import RATE_HZ
from avloc_ros.features.inputs.any_array_layout import BANDS, FRAME_S, HIGHEST_HZ, HOP_S, HOPS
from avloc_ros.features.spectra.mel import CLIP, LEVEL_MEMORY_S, SILENCE, mel_filters
from avloc_ros.features.spectra.stft import StreamingStft

EARLY_SAMPLES = BEFORE_PEAK + 480  # left out of what is diffuse
LEVEL_ALONE = 0.1  # where nobody talks


@dataclass(frozen=True)
class Batch:
    """Examples as the networks take them, on the device.

    phases: complex64 (examples, channels, hops, bins), whitened; levels, voice_share: float32 (examples, hops, BANDS);
    directions (examples, MOST_TALKERS, 3); active: bool (examples, MOST_TALKERS, frames); positions_m (examples,
    channels, 3); pairs int64 (examples, pairs, 2) and is_pair bool (examples, pairs).
    """

    phases: Tensor
    levels: Tensor
    voice_share: Tensor
    directions: Tensor
    active: Tensor
    positions_m: Tensor
    pairs: Tensor
    is_pair: Tensor


class BatchMixer:
    """Draws batches from sounds and rooms that are on one device."""

    def __init__(self, sounds: SoundTensors, rooms: RoomTensors, examples: int, frames: int) -> None:
        self.sounds, self.rooms, self.examples, self.frames = sounds, rooms, examples, frames
        self.length = frames * WINDOW
        self.points = next_fast_len(self.length + TAPS, real=True)
        stft = StreamingStft(RATE_HZ, FRAME_S, HOP_S, HIGHEST_HZ)
        self.frequencies_hz, self._sizes = stft.frequencies_hz, (stft.fft_length, stft.hop_length)
        window = np.hanning(stft.frame_length + 2)[1:-1]
        self._window = self._own(window * (2 / window.sum()))
        self._filters = self._own(mel_filters(self.frequencies_hz, BANDS))
        self._turn = torch.arange(self.points // 2 + 1, device=rooms.device) * (-2 * np.pi / self.points)
        age = np.arange(frames * HOPS)[:, None] - np.arange(frames * HOPS)
        running = np.where(age >= 0, np.exp(-HOP_S / LEVEL_MEMORY_S * np.maximum(age, 0)), 0.0)
        self._running = self._own(running / running.sum(1, keepdims=True))  # (hops, hops): mean of those before

    @torch.no_grad()
    def batch(self, rng: np.random.Generator, generator: torch.Generator) -> Batch:
        """Draw, mix and analyse one batch; generator, of the device, makes the noise of the microphones."""
        draw = draw_batch(rng, self.sounds, self.rooms, self.examples, self.frames)
        samples, speech = self.mix(draw, self.dry(draw.entries), generator)
        return self.analyse(draw, samples, speech)

    def dry(self, entries: Entries) -> Tensor:
        """Samples (entries, length) before colour and room."""
        samples = self.sounds.cut(entries.sound, entries.offset, entries.backwards, self.length)
        first, last = self._own(entries.gate.astype(np.int64)).unbind(1)
        time = torch.arange(self.length, device=samples.device)
        return samples * ((time >= first[:, None]) & (time < last[:, None]))

    def mix(self, draw: BatchDraw, dry: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Samples (examples, channels, length), and the talkers' part of channel 0 (examples, length)."""
        count = self._own(self.rooms.channels[draw.room])  # (examples,)
        grouped = self._wet(draw, dry)  # (examples, GROUPS, channels, length)
        talkers = grouped[:, TALK]
        level = (talkers.square().sum((1, 2)) / (count * self.length)).sqrt()  # (examples,)
        spoken = self._own(draw.places >= 0).any(1)
        level = torch.where(spoken, level.clamp(min=1e-6), torch.full_like(level, LEVEL_ALONE))
        power = grouped.square().sum((2, 3)) / (count[:, None] * self.length)  # (examples, GROUPS)
        wanted = level[:, None] * 10 ** (-self._own(draw.below_db) / 20)
        scale = wanted / power.sqrt().clamp(min=1e-9)
        scale[:, TALK] = 1.0
        total = torch.einsum("eg,egct->ect", scale, grouped)
        hiss = torch.randn(total.shape, generator=generator, device=total.device)
        total = total + hiss * (level * 10 ** (-self._own(draw.hiss_db) / 20))[:, None, None]
        there = torch.arange(total.shape[1], device=total.device) < count[:, None]  # (examples, channels)
        gains = self._own(draw.gains) * there * (0.1 / level)[:, None]
        return total * gains[..., None], talkers[:, 0] * gains[:, :1]

    def _wet(self, draw: BatchDraw, dry: Tensor) -> Tensor:
        """The sum of each group's sounds in their rooms (examples, GROUPS, channels, length)."""
        entries, device = draw.entries, dry.device
        late = self._own(entries.late)
        room, place = self._own(draw.room[entries.example]), self._own(entries.place)
        responses = self.rooms.responses[room, place].float()  # (entries, channels, taps)
        early = torch.arange(responses.shape[-1], device=device) < EARLY_SAMPLES
        responses = responses * ~(early & late[:, None])[:, None]
        energy = responses[:, 0].square().sum(-1) + 1e-12
        one = torch.polar(torch.ones_like(self._turn), self._turn)
        pole, zero = self._own(entries.pole)[:, None], self._own(entries.zero)[:, None]
        coloured = torch.fft.rfft(dry, self.points) * ((1 + zero * one) / (1 - pole * one))
        coloured = coloured * (self._own(entries.gain) * energy.rsqrt())[:, None]
        wet = torch.view_as_real(torch.fft.rfft(responses, self.points) * coloured[:, None])
        target = self._own(entries.example * GROUPS + entries.group)
        sums = wet.new_zeros(len(draw.room) * GROUPS, *wet.shape[1:]).index_add_(0, target, wet)
        heard = torch.fft.irfft(torch.view_as_complex(sums), self.points)[..., : self.length]
        return heard.unflatten(0, (-1, GROUPS))

    def analyse(self, draw: BatchDraw, samples: Tensor, speech: Tensor) -> Batch:
        """Spectra, levels and the share of voices, aligned as any_array_mix.Mixer.analyse does."""
        count = self._own(self.rooms.channels[draw.room])[:, None, None]
        spectra = self.spectra(samples)  # (examples, channels, hops, bins)
        power = spectra.real.square() + spectra.imag.square()
        voice = self.spectra(speech).abs().square() @ self._filters  # (examples, hops, bands)
        levels = torch.log10((power.sum(1) / count) @ self._filters + SILENCE)
        relative = levels - (self._running @ levels.mean(2).T).T[..., None]
        places = np.where(draw.places >= 0, draw.places, 0)
        return Batch(
            spectra / (spectra.abs() + 1e-20),
            relative.clamp(-CLIP, CLIP),
            (voice / (power[:, 0] @ self._filters + 1e-12)).clamp(0, 1),
            self._own(self.rooms.directions[draw.room[:, None], places]),
            self._own(draw.active),
            self._own(self.rooms.positions_m[draw.room]),
            self._own(draw.pairs),
            self._own(draw.is_pair),
        )

    def spectra(self, samples: Tensor) -> Tensor:
        """Hann-windowed spectra (.., hops, bins) of samples (.., length), three hops of silence before the first."""
        points, hop = self._sizes
        led = torch.nn.functional.pad(samples, (3 * hop, 0)).reshape(-1, self.length + 3 * hop)
        found = torch.stft(led, points, hop, window=self._window, center=False, return_complex=True)
        found = found[:, : len(self.frequencies_hz), : self.frames * HOPS].transpose(1, 2)  # (.., hops, bins)
        return found.reshape(*samples.shape[:-1], *found.shape[1:])

    def _own(self, values: np.ndarray) -> Tensor:
        """On the device; numbers with a point in single precision."""
        values = values.astype(np.float32) if values.dtype == np.float64 else values
        return torch.as_tensor(values, device=self.rooms.device)


