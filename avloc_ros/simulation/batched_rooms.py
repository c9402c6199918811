"""Responses of many shoebox rooms at once, in torch: on a GPU every learned frame can be heard in a room of its own.

The same image sources as moving_sound.ShoeboxRoom (Allen and Berkley 1979), with a shorter sinc for delays between samples and
without its high-pass filter at the lower end of hearing.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from avloc_ros.simulation.head_shadow import DARKEST_RAD, HEAD_RADIUS_M, LOWEST_GAIN, SPEED_OF_SOUND_MPS

TAPS = 32  # of the windowed sinc
LEAD_SAMPLES = 40  # silence before a response, as pyroomacoustics' longer sinc has it


@dataclass(frozen=True)
class Rooms:
    """size_m, head_m (rooms, 3); reflection (rooms,): of amplitudes at each wall; order (rooms,): reflections traced."""

    size_m: Tensor
    head_m: Tensor
    reflection: Tensor
    order: Tensor

    @property
    def device(self) -> torch.device:
        return self.size_m.device


def rooms_of(size_m: Tensor, head_m: Tensor, rt60_s: Tensor, most_reflections: int) -> Rooms:
    """Rooms whose walls take equally much, so that rt60_s (rooms,) holds by Sabine; more is taken where it must be.

    The order is what the reverberation time needs (the rule of pyroomacoustics' inverse_sabine), at most most_reflections.
    """
    width, depth, height = size_m.unbind(-1)
    surface = 2 * (width * depth + width * height + depth * height)
    absorption = (24 * math.log(10) / SPEED_OF_SOUND_MPS * size_m.prod(-1) / (surface * rt60_s)).clamp(max=0.999)
    sides = torch.stack([width * depth, width * height, depth * height], -1)
    diagonals = torch.stack([width.hypot(depth), width.hypot(height), depth.hypot(height)], -1)
    needed = torch.ceil(SPEED_OF_SOUND_MPS * rt60_s / (sides / diagonals).amin(-1) - 1)
    return Rooms(size_m, head_m, (1 - absorption).sqrt(), needed.clamp(0, most_reflections))


@functools.lru_cache(maxsize=8)
def image_numbers(most_reflections: int, device: torch.device) -> Tensor:
    """(images, 3): reflections along each axis, signed, at most so many together."""
    line = torch.arange(-most_reflections, most_reflections + 1, device=device)
    every = torch.cartesian_prod(line, line, line)
    return every[every.abs().sum(1) <= most_reflections]


def responses(
    rooms: Rooms, sources_m: Tensor, microphones_m: Tensor, *, most_reflections: int, sample_rate_hz: int, length: int
) -> Tensor:
    """(rooms, sources, moments, microphones, length): from each source to each microphone.

    sources_m (rooms, sources, 3); microphones_m (rooms, moments, microphones, 3), of a head that turns; both from the head,
    along the room's axes. What comes later than `length` samples is lost.
    """
    numbers = image_numbers(most_reflections, rooms.device)
    size, place = rooms.size_m[:, None, None], (sources_m + rooms.head_m[:, None])[:, :, None]  # (rooms, sources, 1, 3)
    mirrored = torch.where(numbers % 2 == 0, place, size - place)  # (rooms, sources, images, 3)
    images = numbers * size + mirrored - rooms.head_m[:, None, None]
    walls = numbers.abs().sum(1)  # (images,)
    gains = rooms.reflection[:, None] ** walls * (walls <= rooms.order[:, None])  # (rooms, images)
    apart = images[:, :, None, None] - microphones_m[:, None, :, :, None]  # (rooms, sources, moments, mics, images, 3)
    distances_m = apart.norm(dim=-1)
    levels = gains[:, None, None, None] / distances_m.clamp(min=1e-2)
    return _pulses(distances_m * (sample_rate_hz / SPEED_OF_SOUND_MPS) + LEAD_SAMPLES, levels, length)


def _pulses(delays: Tensor, levels: Tensor, length: int) -> Tensor:
    """Sums of pulses (.., images) of given delays, in samples, and levels: (.., length)."""
    first = delays.floor()
    heard = torch.zeros(*delays.shape[:-1], length + 1, dtype=levels.dtype, device=levels.device)  # the last one: too late
    for tap in range(1 - TAPS // 2, TAPS // 2 + 1):
        late = first + tap - delays  # samples after the pulse's centre
        weight = torch.sinc(late) * (0.5 + 0.5 * torch.cos(2 * math.pi / TAPS * late))
        heard.scatter_add_(-1, (first + tap).long().clamp(0, length), levels * weight)
    return heard[..., :length]


def draw_rooms(count: int, generator: torch.Generator, *, most_reflections: int, rt60_s: tuple[float, float]) -> Rooms:
    """Rooms of the sizes and places that scenes of glasses have (simulation.egocentric)."""
    device = generator.device
    low, high = (torch.tensor(sizes, device=device) for sizes in ([5.0, 5.0, 2.6], [9.0, 8.0, 3.4]))
    size_m = low + (high - low) * torch.rand(count, 3, generator=generator, device=device)
    nearest = torch.tensor([1.2, 2.0], device=device)
    farthest = size_m[:, :2] - torch.tensor([3.0, 2.0], device=device)
    head_m = nearest + (farthest - nearest) * torch.rand(count, 2, generator=generator, device=device)
    head_m = torch.cat([head_m, torch.full((count, 1), 1.2, device=device)], 1)
    shortest, longest = rt60_s
    reverberation_s = shortest + (longest - shortest) * torch.rand(count, generator=generator, device=device)
    return rooms_of(size_m, head_m, reverberation_s, most_reflections)


def shadow_gains(microphones_m: Tensor, sources_m: Tensor) -> Tensor:
    """High-frequency gains (.., microphones) of head_shadow; microphones_m (microphones, 3) and sources_m (.., 3) from the
    middle of the head, along its axes."""
    cosine = normalize(sources_m, dim=-1) @ normalize(microphones_m, dim=-1).T
    half = LOWEST_GAIN / 2
    return (1 + half) + (1 - half) * torch.cos(torch.arccos(cosine.clamp(-1, 1)) / DARKEST_RAD * math.pi)


def shadow_spectra(gains: Tensor, points: int, sample_rate_hz: int) -> Tensor:
    """Head_shadow's filter of those gains over rfft bins of `points`: complex (.., microphones, bins)."""
    k = sample_rate_hz * HEAD_RADIUS_M / SPEED_OF_SOUND_MPS
    angles = torch.arange(points // 2 + 1, device=gains.device) * (-2 * math.pi / points)
    late = torch.polar(torch.ones_like(angles), angles)  # one sample later
    gains = gains[..., None]
    return (1 + gains * k + (1 - gains * k) * late) / (1 + k + (1 - k) * late)
