"""What glasses hear around many moments at once, in torch: people at given places, the wearer, a restaurant.

As simulation.glasses.sound has it, with a new room, new voices and new noise for every moment, and on a GPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import setting
from avloc_ros.simulation.glasses.head_shadow import HEAD_CENTRE_M
from avloc_ros.simulation.glasses.head_shadow_tensors import shadow_gains, shadow_spectra
from avloc_ros.simulation.glasses.sound import BABBLE_VOICES, MOUTH_M
from avloc_ros.simulation.sound.shoebox_tensors import Shoeboxes, even_shoeboxes, image_responses
from avloc_ros.simulation.sound.voice_bank import VoiceBank

RATE_HZ, FPS = 16_000, 20
FRAME = RATE_HZ // FPS  # samples of one picture
BEFORE, AFTER = 8, 6  # pictures heard before and after the moment; the first of them only as reverberation
HOP = 2  # pictures between two places of a turning head
POINTS, LENGTH = 16_384, 3_072  # of the transform; samples of a response
MOMENTS = (BEFORE + AFTER) // HOP + 1


@dataclass(frozen=True)
class RenderedSoundConfig:
    """Settings of the sound; the defaults are those of simulated scenes of glasses."""

    reflections: int = setting(6, "reflections traced at most", low=0, high=10)
    shortest_rt60_s: float = setting(0.2, "reverberation time, s", low=0.1, high=2.0)
    longest_rt60_s: float = setting(0.7, "reverberation time, s", low=0.1, high=2.0)
    lowest_snr_db: float = setting(0.0, "people around over the restaurant", low=-30.0, high=100.0)
    highest_snr_db: float = setting(20.0, "people around over the restaurant", low=-30.0, high=100.0)
    tables: int = setting(6, "places that the restaurant is heard from", low=1, high=50)
    restaurants: int = setting(24, "restaurants to draw from at a time", low=1, high=1000)
    restaurant_s: float = setting(4.0, "of each of them", low=1.0, high=60.0)


@dataclass(frozen=True)
class Moments:
    """Who is where and who speaks around each moment.

    places_m (batch, people, 3): in the axes of some head of the scene, 0 where there is nobody; rotations
    (batch, BEFORE + AFTER + 1, 3, 3): from the head of each picture to those axes; speaking bool (batch, people, pictures);
    wearer bool (batch, pictures).
    """

    places_m: Tensor
    rotations: Tensor
    speaking: Tensor
    wearer: Tensor


class GlassesSound:
    """Draws rooms, voices and noise from `generator`, whose device it works on."""

    def __init__(
        self, config: RenderedSoundConfig, voices: VoiceBank, microphones_m: np.ndarray, generator: torch.Generator
    ) -> None:
        self.config, self.voices, self.generator, self.device = config, voices, generator, generator.device
        self.microphones_m, self.middle_m, self.mouth_m = (
            torch.from_numpy(place).float().to(self.device) for place in (microphones_m, HEAD_CENTRE_M, MOUTH_M)
        )
        self.pieces = self._pieces()
        self.noise = self.restaurants()

    def windows(self, moments: Moments, before: int, after: int) -> Tensor:
        """(batch, samples, microphones) from `before` pictures before each moment to the end of the one `after` after it."""
        rooms = self._rooms(len(moments.places_m))
        people, power = self._people(rooms, moments)
        heard = people + self._wearer(rooms, moments.wearer)
        first, end = (BEFORE - before) * FRAME, (BEFORE + after + 1) * FRAME
        heard = heard[:, :, first:end]
        noise = self._cut_noise(len(heard), end - first) * self._noise_levels(power)
        own = torch.randn(heard.shape, generator=self.generator, device=self.device) * (1e-3 * power.sqrt())
        return (heard + noise + own).transpose(1, 2)

    def restaurants(self) -> Tensor:
        """Noise of an RMS of 1: (restaurants, microphones, samples)."""
        config, count = self.config, self.config.restaurants
        samples = round(config.restaurant_s * RATE_HZ)
        rooms = self._rooms(count)
        places = (0.3 + (rooms.size_m[:, None] - 0.6) * self._random(count, config.tables, 3)) - rooms.array_m[:, None]
        # Tables are not on the wearer's: whoever would be stands 1.5 m away, in the same direction.
        places = places * (1.5 / places.norm(dim=-1, keepdim=True)).clamp(min=1)
        babble = self.voices.babble((count, config.tables), BABBLE_VOICES, samples, self.generator)
        dry = babble + 0.5 * self._clatter(count, config.tables, samples)
        microphones = self.microphones_m.expand(count, -1, 3)
        points = 2 ** math.ceil(math.log2(samples + LENGTH))
        wet = torch.zeros(count, len(self.microphones_m), points // 2 + 1, dtype=torch.complex64, device=self.device)
        for table in range(config.tables):  # one after the other, to save memory
            response = self._responses(rooms, places[:, table : table + 1], microphones)[:, 0]
            wet += torch.fft.rfft(dry[:, table], points)[:, None] * torch.fft.rfft(response, points)
        heard = torch.fft.irfft(wet, points)[..., :samples]
        return heard / heard.square().mean((1, 2), keepdim=True).sqrt()

    def _people(self, rooms: Shoeboxes, moments: Moments) -> tuple[Tensor, Tensor]:
        """Sound (batch, microphones, samples), and its power while one of them speaks, (batch, 1, 1)."""
        dry = self.voices.speech(moments.speaking, self.generator)  # (batch, people, samples)
        heads = moments.rotations[:, ::HOP][:, :MOMENTS]  # (batch, moments, 3, 3)
        yaw = (2 * self._random(len(dry)) - 1) * math.radians(25)
        room_axes = _about_z(yaw)
        places = moments.places_m @ room_axes.mT
        microphones = (room_axes[:, None] @ heads) @ self.microphones_m.T  # (batch, moments, 3, microphones)
        response = self._responses(rooms, places, microphones.mT.flatten(1, 2))
        response = response.unflatten(2, (MOMENTS, -1))  # (batch, people, moments, microphones, length)
        towards = torch.einsum("bkji,bpj->bpki", heads, moments.places_m)
        shadow = self._shadow(towards)
        spectra = torch.fft.rfft(response, POINTS) * shadow
        present = (moments.places_m.abs().amax(-1) > 0).float()  # (batch, people)
        power = response.square().sum((2, 4)).mean(2) / MOMENTS * present
        windowed = dry[:, :, None] * self.pieces  # (batch, people, moments, samples)
        windowed = windowed * present[..., None, None]
        heard = (torch.fft.rfft(windowed, POINTS)[:, :, :, None] * spectra).sum((1, 2))  # (batch, microphones, bins)
        mean_power = power.sum(1) / present.sum(1).clamp(min=1)
        return torch.fft.irfft(heard, POINTS)[..., : dry.shape[-1]], mean_power[:, None, None]

    def _wearer(self, rooms: Shoeboxes, speaking: Tensor) -> Tensor:
        batch = len(speaking)
        dry = self.voices.speech(speaking[:, None], self.generator)
        response = self._responses(rooms, self.mouth_m.expand(batch, 1, 3), self.microphones_m.expand(batch, -1, 3))[:, 0]
        wet = torch.fft.rfft(dry, POINTS) * torch.fft.rfft(response, POINTS)
        return torch.fft.irfft(wet, POINTS)[..., : dry.shape[-1]]

    def _shadow(self, towards_m: Tensor) -> Tensor:
        return shadow_spectra(shadow_gains(self.microphones_m - self.middle_m, towards_m - self.middle_m), POINTS, RATE_HZ)

    def _noise_levels(self, power: Tensor) -> Tensor:
        low, high = self.config.lowest_snr_db, self.config.highest_snr_db
        snr_db = low + (high - low) * self._random(len(power), 1, 1)
        return (power / 10 ** (snr_db / 10)).sqrt()

    def _cut_noise(self, count: int, samples: int) -> Tensor:
        which = self._integers(len(self.noise), count)
        start = self._integers(self.noise.shape[2] - samples + 1, count)
        at = start[:, None] + torch.arange(samples, device=self.device)
        return self.noise[which].gather(2, at[:, None].expand(-1, self.noise.shape[1], -1))

    def _clatter(self, count: int, tables: int, samples: int) -> Tensor:
        """Short ringing strokes, as cutlery on plates: (count, tables, samples)."""
        strokes = self._random(count, tables, samples) < 1.5 / RATE_HZ
        levels = strokes * (3 + 9 * self._random(count, tables, samples))
        pitch = 2 * math.pi * (2500 + 3000 * self._random(count, tables, 1)) / RATE_HZ
        time = torch.arange(2048, device=self.device)
        ring = torch.exp(-time / (0.02 * RATE_HZ)) * torch.sin(pitch * (time + 1)) / torch.sin(pitch)
        points = 2 ** math.ceil(math.log2(samples + 2048))
        return torch.fft.irfft(torch.fft.rfft(levels, points) * torch.fft.rfft(ring, points), points)[..., :samples]

    def _pieces(self) -> Tensor:
        """Triangular windows around each moment, which add up to one between them: (moments, samples)."""
        centres = torch.arange(MOMENTS, device=self.device)[:, None] * (HOP * FRAME) + FRAME / 2
        apart = torch.arange((BEFORE + AFTER + 1) * FRAME, device=self.device) + 0.5 - centres
        weights = (1 - apart.abs() / (HOP * FRAME)).clamp(min=0)
        return weights / weights.sum(0).clamp(min=1e-6)

    def _responses(self, rooms: Shoeboxes, sources_m: Tensor, microphones_m: Tensor) -> Tensor:
        return image_responses(rooms, sources_m, microphones_m, RATE_HZ, LENGTH)

    def _rooms(self, count: int) -> Shoeboxes:
        return draw_rooms(count, self.generator, self.config)

    def _random(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device)

    def _integers(self, end: int, *shape: int) -> Tensor:
        return torch.randint(end, shape, generator=self.generator, device=self.device)


def draw_rooms(count: int, generator: torch.Generator, config: RenderedSoundConfig) -> Shoeboxes:
    """Rooms of the sizes and places that scenes of glasses have (simulation.glasses.scene)."""
    device = generator.device
    low, high = (torch.tensor(sizes, device=device) for sizes in ([5.0, 5.0, 2.6], [9.0, 8.0, 3.4]))
    size_m = low + (high - low) * torch.rand(count, 3, generator=generator, device=device)
    nearest = torch.tensor([1.2, 2.0], device=device)
    farthest = size_m[:, :2] - torch.tensor([3.0, 2.0], device=device)
    head_m = nearest + (farthest - nearest) * torch.rand(count, 2, generator=generator, device=device)
    head_m = torch.cat([head_m, torch.full((count, 1), 1.2, device=device)], 1)
    shortest, longest = config.shortest_rt60_s, config.longest_rt60_s
    rt60_s = shortest + (longest - shortest) * torch.rand(count, generator=generator, device=device)
    return even_shoeboxes(size_m, head_m, rt60_s, config.reflections)


def _about_z(angle_rad: Tensor) -> Tensor:
    """Rotations (batch, 3, 3) about the upright axis."""
    cosine, sine, zero, one = angle_rad.cos(), angle_rad.sin(), torch.zeros_like(angle_rad), torch.ones_like(angle_rad)
    rows = [cosine, -sine, zero, sine, cosine, zero, zero, zero, one]
    return torch.stack(rows, -1).view(-1, 3, 3)
