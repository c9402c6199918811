"""Image sources of a rectangular room whose walls may differ, in torch: what moving_sound.ShoeboxRoom gives, on a GPU.

J. Allen, D. Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65(4), 1979. Against
pyroomacoustics the sinc between samples is shorter and its high-pass filter at the lower end of hearing is left out.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor

from avloc_ros.geometry import SPEED_OF_SOUND_MPS
from avloc_ros.simulation.moving_sound import ShoeboxRoom

SINC_TAPS = 32
LEAD_SAMPLES = 40  # silence before a response, as pyroomacoustics' longer sinc has it


def wall_amplitudes(room: ShoeboxRoom) -> tuple[np.ndarray, int]:
    """Reflected amplitude (6,) of west, east, south, north, floor, ceiling, and the order of reflections that is traced."""
    if room.wall_absorption:
        return np.sqrt(1 - np.array(room.wall_absorption)), room.max_order
    size = np.array(room.size_m)
    sides = size[[0, 0, 1]] * size[[1, 2, 2]]
    absorption = 24 * math.log(10) * size.prod() / (SPEED_OF_SOUND_MPS * 2 * sides.sum() * room.rt60_s)  # Sabine
    # The largest ball inside the diamond of images has to reach as far as sound in the reverberation time.
    inside = (sides / np.hypot(size[[0, 0, 1]], size[[1, 2, 2]])).min()
    order = math.ceil(SPEED_OF_SOUND_MPS * room.rt60_s / inside - 1)
    return np.full(6, math.sqrt(max(0.0, 1 - absorption))), min(order, room.max_order)


def image_sources(room: ShoeboxRoom, sources_m: Tensor) -> tuple[Tensor, Tensor]:
    """Places (sources, images, 3) of all images, array frame, and their amplitudes (images,) at the source.

    sources_m (sources, 3), array frame.
    """
    amplitudes, order = wall_amplitudes(room)
    numbers = torch.as_tensor(image_numbers(order), device=sources_m.device)
    size, origin = (sources_m.new_tensor(values) for values in (room.size_m, room.array_position_m))
    inside = (sources_m + origin)[:, None]
    places = numbers * size + torch.where(numbers % 2 == 0, inside, size - inside) - origin
    # n reflections alternate between two walls; the sign says which of them comes first.
    more, less = (numbers.abs() + 1) // 2, numbers.abs() // 2
    low, high = torch.where(numbers < 0, more, less), torch.where(numbers < 0, less, more)
    walls = sources_m.new_tensor(amplitudes)
    return places, (walls[0::2] ** low * walls[1::2] ** high).prod(1)


@functools.cache
def image_numbers(order: int) -> np.ndarray:
    """Reflections along each axis, signed, at most `order` together: int64 (images, 3)."""
    line = np.arange(-order, order + 1)
    numbers = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    return numbers[np.abs(numbers).sum(1) <= order]


def image_responses(
    room: ShoeboxRoom, microphones_m: Tensor, sources_m: Tensor, sample_rate_hz: int, taps: int
) -> Tensor:
    """(sources, microphones, taps): from each source (sources, 3) to each microphone (microphones, 3), array frame.

    A direct path of 1 m has amplitude 1; what comes later than `taps` is lost.
    """
    places, amplitudes = image_sources(room, sources_m)
    apart_m = (places[:, None] - microphones_m[None, :, None]).norm(dim=-1)  # (sources, microphones, images)
    delays = apart_m * (sample_rate_hz / SPEED_OF_SOUND_MPS) + LEAD_SAMPLES
    levels = amplitudes / apart_m.clamp(min=1e-2)
    first = delays.floor()
    taps_around = torch.arange(1 - SINC_TAPS // 2, SINC_TAPS // 2 + 1, device=delays.device)
    late = (first - delays)[..., None] + taps_around  # samples after the middle of each pulse: (.., images, SINC_TAPS)
    pulses = levels[..., None] * torch.sinc(late) * (0.5 + 0.5 * torch.cos(2 * math.pi / SINC_TAPS * late))
    at = (first[..., None] + taps_around).long().clamp(0, taps)
    heard = levels.new_zeros(*levels.shape[:-1], taps + 1)  # the last one: too late
    return heard.scatter_add_(-1, at.flatten(-2), pulses.flatten(-2))[..., :taps]
