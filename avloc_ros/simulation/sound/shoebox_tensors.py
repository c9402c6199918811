"""Responses of many shoebox rooms at once by the image-source method, in torch: what moving_sound.ShoeboxRoom gives, on a GPU.

J. Allen, D. Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65(4), 1979. Against
pyroomacoustics its high-pass filter at the lower end of hearing is left out, and the sinc between samples may be shorter.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom

LEAD_SAMPLES = 40  # silence before a response, half of pyroomacoustics' sinc
SHORT_SINC, FULL_SINC = 32, 81  # taps; the full one is as long as pyroomacoustics'
AT_ONCE = 2**21  # taps that are worked out in one go: more would need memory, fewer would wait for the device


@dataclass(frozen=True)
class Shoeboxes:
    """Rooms on one device.

    size_m (rooms, 3); array_m (rooms, 3): where the array is; reflected (rooms, 6): amplitude that west, east, south, north,
    floor and ceiling give back; order (rooms,): reflections that are traced, none of them over most_reflections.
    """

    size_m: Tensor
    array_m: Tensor
    reflected: Tensor
    order: Tensor
    most_reflections: int

    def __len__(self) -> int:
        return len(self.size_m)


def even_shoeboxes(size_m: Tensor, array_m: Tensor, rt60_s: Tensor, most_reflections: int) -> Shoeboxes:
    """Rooms whose walls take equally much, so that rt60_s (rooms,) holds by Sabine; all of it where that is not enough.

    The order is what the reverberation time needs (the rule of pyroomacoustics' inverse_sabine), at most most_reflections.
    """
    one, other = size_m[:, [0, 0, 1]], size_m[:, [1, 2, 2]]
    areas = one * other  # (rooms, 3): of the walls of each kind
    absorption = 24 * math.log(10) / SPEED_OF_SOUND_MPS * size_m.prod(1) / (2 * areas.sum(1) * rt60_s)
    reflected = (1 - absorption.clamp(max=1)).sqrt()
    # The largest ball inside the diamond of images has to reach as far as sound in the reverberation time.
    inside = (areas / one.hypot(other)).amin(1)
    needed = torch.ceil(SPEED_OF_SOUND_MPS * rt60_s / inside - 1)
    order = needed.clamp(0, most_reflections).long()
    return Shoeboxes(size_m, array_m, reflected[:, None].expand(-1, 6), order, most_reflections)


def shoeboxes_of(rooms: Sequence[ShoeboxRoom], device: torch.device) -> Shoeboxes:
    """The same rooms, which may have walls that differ; no more reflections than the longest of them needs."""
    size_m, array_m = (torch.tensor(v) for v in ([r.size_m for r in rooms], [r.array_position_m for r in rooms]))
    even = even_shoeboxes(size_m, array_m, torch.tensor([r.rt60_s for r in rooms]), max(r.max_order for r in rooms))
    reflected, order = even.reflected.clone(), even.order.minimum(torch.tensor([r.max_order for r in rooms]))
    for number, room in enumerate(rooms):
        if room.wall_absorption:
            reflected[number] = (1 - torch.tensor(room.wall_absorption)).sqrt()
            order[number] = room.max_order
    most = int(order.max())
    return Shoeboxes(size_m.to(device), array_m.to(device), reflected.to(device), order.to(device), most)


def image_responses(
    rooms: Shoeboxes,
    sources_m: Tensor,
    microphones_m: Tensor,
    sample_rate_hz: int,
    length: int,
    sinc_taps: int = SHORT_SINC,
) -> Tensor:
    """(rooms, sources, microphones, length): from each source (rooms, sources, 3) to each microphone (rooms, microphones, 3).

    Places are from the array, along the room's axes. A direct path of 1 m has amplitude 1; what comes later than `length`
    samples is lost.
    """
    places_m, amplitudes = image_sources(rooms, sources_m)
    apart_m = (places_m[:, :, None] - microphones_m[:, None, :, None]).norm(dim=-1)  # (rooms, sources, microphones, images)
    levels = amplitudes[:, None, None] / apart_m.clamp(min=1e-2)
    return pulses(apart_m * (sample_rate_hz / SPEED_OF_SOUND_MPS) + LEAD_SAMPLES, levels, length, sinc_taps)


def image_sources(rooms: Shoeboxes, sources_m: Tensor) -> tuple[Tensor, Tensor]:
    """Places (rooms, sources, images, 3) of all images of sources (rooms, sources, 3), from the array, and their amplitudes
    (rooms, images) at the source, 0 beyond a room's order."""
    numbers = image_numbers(rooms.most_reflections, sources_m.device)
    size, origin = rooms.size_m[:, None, None], rooms.array_m[:, None, None]  # (rooms, 1, 1, 3)
    inside = sources_m[:, :, None] + origin
    places = numbers * size + torch.where(numbers % 2 == 0, inside, size - inside) - origin
    # n reflections alternate between two walls; the sign says which of them comes first.
    more, less = (numbers.abs() + 1) // 2, numbers.abs() // 2
    low, high = torch.where(numbers < 0, more, less), torch.where(numbers < 0, less, more)
    walls = rooms.reflected[:, None]  # (rooms, 1, 6)
    amplitudes = (walls[..., 0::2] ** low * walls[..., 1::2] ** high).prod(-1)
    return places, amplitudes * (numbers.abs().sum(1) <= rooms.order[:, None])


@functools.lru_cache(maxsize=32)
def image_numbers(most_reflections: int, device: torch.device) -> Tensor:
    """int64 (images, 3): reflections along each axis, signed, at most so many together."""
    line = torch.arange(-most_reflections, most_reflections + 1, device=device)
    every = torch.cartesian_prod(line, line, line)
    return every[every.abs().sum(1) <= most_reflections]


def pulses(delays: Tensor, levels: Tensor, length: int, sinc_taps: int) -> Tensor:
    """Sums (.., length) of pulses (.., images) of given delays, in samples, and levels, between samples by a windowed sinc."""
    first = delays.floor()
    reach = (sinc_taps + 1) // 2  # where the window ends
    around = torch.arange(1 - reach, 1 - reach + sinc_taps, device=delays.device)
    heard = levels.new_zeros(*levels.shape[:-1], length + 1)  # the last one: too late
    for some in around.split(max(1, AT_ONCE // delays.numel())):
        late = (first - delays)[..., None] + some  # samples after the middle of each pulse: (.., images, taps)
        window = 0.5 + 0.5 * torch.cos(math.pi / reach * late)
        at = (first[..., None] + some).long().clamp(0, length)
        heard.scatter_add_(-1, at.flatten(-2), (torch.sinc(late) * window * levels[..., None]).flatten(-2))
    return heard[..., :length]
