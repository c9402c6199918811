"""Sources on the move in a rectangular room by the image-source method in torch, on the GPU where there is one.

What it gives is what simulation/moving_sound.py gives with pyroomacoustics (a test compares the two), but for the filter
below 10 Hz that pyroomacoustics lays over its responses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from avloc_ros.simulation.moving_sound import ShoeboxRoom

SOUND_SPEED_MPS = 343.0
TAPS = 81  # of the windowed sinc that delays by fractions of a sample
HALF = TAPS // 2  # every response begins so many samples late


@dataclass(frozen=True)
class ImageSources:
    """What mirrors do to a source in a room: place = sign * source + shift, room frame.

    sign, shift float32 (images, 3); strength float32 (images,): what the reflections leave of the pressure.
    """

    sign: np.ndarray
    shift: np.ndarray
    strength: np.ndarray


def image_sources(room: ShoeboxRoom) -> ImageSources:
    """All images up to the order that the reverberation time needs, at most room.max_order; all walls absorb alike (Sabine)."""
    size = np.array(room.size_m)
    width, depth, height = size
    surface = 2 * (width * depth + width * height + depth * height)
    absorption = 24 * np.log(10) * size.prod() / (SOUND_SPEED_MPS * surface * room.rt60_s)
    grid = _lattice(min(needed_order(room), room.max_order))  # (images, 3)
    odd = grid % 2 != 0
    return ImageSources(
        np.where(odd, -1.0, 1.0).astype(np.float32),
        (np.where(odd, grid + 1, grid) * size).astype(np.float32),
        np.sqrt(1 - min(absorption, 1.0)).astype(np.float32) ** np.abs(grid).sum(axis=1).astype(np.float32),
    )


def needed_order(room: ShoeboxRoom) -> int:
    """Order of reflections after which the reverberation time is over, along the shortest way between walls."""
    a, b, c = room.size_m
    shortest = min(x * y / np.hypot(x, y) for x, y in ((a, b), (b, c), (a, c)))
    return int(np.ceil(SOUND_SPEED_MPS * room.rt60_s / shortest - 1))


def responses(
    room: ShoeboxRoom, microphones_m: Tensor, sources_m: Tensor, sample_rate_hz: int, length: int
) -> Tensor:
    """Responses (sources, mics, length) from places (sources, 3) to microphones (mics, 3), array frame; the tail is cut off."""
    device = sources_m.device
    images = image_sources(room)
    sign, shift, strength = (
        torch.from_numpy(part).to(device) for part in (images.sign, images.shift, images.strength)
    )
    origin = torch.tensor(room.array_position_m, dtype=torch.float32, device=device)
    places = sign * (sources_m[:, None] + origin) + shift  # (sources, images, 3)
    apart = places[:, None] - (microphones_m + origin)[:, None]  # (sources, mics, images, 3)
    distance_m = apart.square().sum(dim=-1).sqrt()
    delay = distance_m * (sample_rate_hz / SOUND_SPEED_MPS)
    pressure = strength / distance_m  # 1 at one metre, as pyroomacoustics has it
    return _delayed(delay, pressure, length)


def heard_along_batch(
    dry: Tensor, path_m: Tensor, room: ShoeboxRoom, microphones_m: Tensor, sample_rate_hz: int, hop: int, length: int
) -> Tensor:
    """What the array hears of several talkers of one room, each alone: (talkers, mics, samples).

    dry (talkers, samples); path_m (talkers, steps, 3): where each is at every hop samples, array frame. As
    moving_sound.heard_along: pieces of two hops under triangular windows, each through the response of its own place.
    length: of the responses, samples.
    """
    talkers, samples = dry.shape
    pieces = _pieces(dry, hop)  # (talkers, pieces, 2 hop)
    count = pieces.shape[1]
    steps = torch.arange(count, device=dry.device).clamp(max=path_m.shape[1] - 1)
    spectrum_length = _fft_length(2 * hop + length)
    heard = dry.new_zeros(talkers, len(microphones_m), samples)
    for talker in range(talkers):  # one at a time: all delays of a talker are in memory at once
        response = responses(room, microphones_m, path_m[talker], sample_rate_hz, length)  # (steps, mics, length)
        spectra = torch.fft.rfft(response, spectrum_length)[steps]
        spectra = spectra * torch.fft.rfft(pieces[talker], spectrum_length)[:, None]
        wet = torch.fft.irfft(spectra, spectrum_length)  # (pieces, mics, spectrum_length)
        heard[talker] = _overlapped(wet, hop)[:, hop : hop + samples]
    return heard


def _pieces(dry: Tensor, hop: int) -> Tensor:
    window = 1 - (torch.arange(-hop, hop, device=dry.device) + 0.5).abs() / hop
    padded = torch.nn.functional.pad(dry, (hop, 2 * hop))
    return padded.unfold(1, 2 * hop, hop)[:, : dry.shape[1] // hop + 2] * window


def _overlapped(wet: Tensor, hop: int) -> Tensor:
    """Sum of pieces (pieces, mics, length) that begin a hop after one another: (mics, (pieces + length / hop) hop)."""
    pieces, mics, length = wet.shape
    parts = -(-length // hop)
    cut = torch.nn.functional.pad(wet, (0, parts * hop - length)).view(pieces, mics, parts, hop)
    total = wet.new_zeros(mics, pieces + parts, hop)
    for part in range(parts):
        total[:, part : part + pieces] += cut[:, :, part].transpose(0, 1)
    return total.flatten(1)


def _delayed(delay: Tensor, pressure: Tensor, length: int) -> Tensor:
    """Sums over images (sources, mics, images) of pulses at fractional delays: (sources, mics, length)."""
    whole = delay.floor()
    taps = torch.arange(-HALF, HALF + 1, device=delay.device)
    at = taps - (delay - whole)[..., None]  # (sources, mics, images, taps)
    window = 0.5 + 0.5 * torch.cos(at * (torch.pi / (HALF + 1)))
    angle = torch.pi * at
    sinc = torch.where(angle.abs() < 1e-6, 1.0, torch.sin(angle) / angle)
    pulses = sinc * window * pressure[..., None]
    start = whole.long()[..., None] + taps + HALF
    kept = start < length
    found = delay.new_zeros(*delay.shape[:2], length)
    found.scatter_add_(2, start.clamp(max=length - 1).flatten(2), (pulses * kept).flatten(2))
    return found


@lru_cache(maxsize=16)
def _lattice(order: int) -> np.ndarray:
    axis = np.arange(-order, order + 1)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid[np.abs(grid).sum(axis=1) <= order]


def _fft_length(least: int) -> int:
    """A power of two, or three quarters of one, that is no less."""
    power = 1 << (least - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= least else power
