"""Moving talkers in a simulated room: image-source responses along the way, cross-faded (pyroomacoustics)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.signal import fftconvolve


class Room(Protocol):
    """Anything that has responses from places to microphones, as ShoeboxRoom and FoaRoom have."""

    def responses(
        self, microphones_m: np.ndarray, sources_m: np.ndarray, sample_rate_hz: int
    ) -> list[np.ndarray]:
        """Responses (taps, channels) from each source (sources, 3), array frame."""


@dataclass(frozen=True)
class ShoeboxRoom:
    """A rectangular room with the array in it. Metres, seconds; the array's axes are the room's axes.

    max_order limits the reflections that are traced, which keeps long rooms fast. wall_absorption: energy absorption of
    west, east, south, north, floor and ceiling; empty: all the same, so that rt60_s holds (Sabine).
    """

    size_m: tuple[float, float, float]
    array_position_m: tuple[float, float, float]
    rt60_s: float
    max_order: int = 10
    wall_absorption: tuple[float, ...] = ()

    @property
    def reverberation_s(self) -> float:
        """Reverberation time: rt60_s, or by Eyring's formula where the walls are given one by one."""
        if not self.wall_absorption:
            return self.rt60_s
        width, depth, height = self.size_m
        areas = np.repeat([depth * height, width * height, width * depth], 2)
        mean = float(np.average(self.wall_absorption, weights=areas))
        return 24 * np.log(10) / 343.0 * width * depth * height / (-areas.sum() * np.log(1 - mean))

    def responses(
        self, microphones_m: np.ndarray, sources_m: np.ndarray, sample_rate_hz: int
    ) -> list[np.ndarray]:
        """Responses (taps, channels) from each source (sources, 3) to microphones (channels, 3), both array frame."""
        import pyroomacoustics

        materials, needed_order = self._materials()
        room = pyroomacoustics.ShoeBox(
            self.size_m,
            fs=sample_rate_hz,
            materials=materials,
            max_order=min(needed_order, self.max_order),
        )
        origin = np.array(self.array_position_m)
        room.add_microphone_array((microphones_m + origin).T)
        for source in sources_m:
            room.add_source(source + origin)
        room.compute_rir()
        return [_stacked([room.rir[m][s] for m in range(len(microphones_m))]) for s in range(len(sources_m))]

    def _materials(self) -> tuple[Any, int]:
        """pyroomacoustics' materials, and the order of reflections that the reverberation time needs."""
        import pyroomacoustics

        if self.wall_absorption:
            walls = zip(("west", "east", "south", "north", "floor", "ceiling"), self.wall_absorption, strict=True)
            return {name: pyroomacoustics.Material(absorption) for name, absorption in walls}, self.max_order
        absorption, needed_order = pyroomacoustics.inverse_sabine(self.rt60_s, self.size_m)
        return pyroomacoustics.Material(absorption), needed_order

    def holds(self, point_m: np.ndarray, margin_m: float = 0.2) -> bool:
        """Whether a point of the array frame is inside, with a margin to the walls."""
        place = np.asarray(point_m) + self.array_position_m
        return bool(np.all(place > margin_m) and np.all(place < np.array(self.size_m) - margin_m))


def heard_along(
    dry: np.ndarray,
    path_m: np.ndarray,
    room: Room,
    microphones_m: np.ndarray,
    sample_rate_hz: int,
    hop_s: float,
) -> np.ndarray:
    """What the array hears of a talker on the move: (samples, channels).

    dry (samples,); path_m (steps, 3): where the talker is at each multiple of hop_s. The sound is cut into overlapping
    pieces of 2 * hop_s under triangular windows, which add up to one; each goes through the response of its own place.
    Silent pieces cost nothing; equal places share one response.
    """
    hop = round(hop_s * sample_rate_hz)
    window = 1 - np.abs(np.arange(-hop, hop) + 0.5) / hop
    padded = np.concatenate([np.zeros(hop), dry, np.zeros(2 * hop)])
    pieces = [padded[k * hop : (k + 2) * hop] * window for k in range(len(dry) // hop + 2)]
    steps = [min(k, len(path_m) - 1) for k in range(len(pieces))]  # piece k is centred at k * hop
    needed = [k for k in range(len(pieces)) if np.abs(pieces[k]).max() > 1e-5]
    if not needed:
        return np.zeros((len(dry), len(microphones_m)))
    places = sorted({tuple(np.round(path_m[steps[k]], 2)) for k in needed})
    responses = dict(
        zip(places, room.responses(microphones_m, np.array(places), sample_rate_hz), strict=True)
    )
    channels = next(iter(responses.values())).shape[1]
    heard = np.zeros((len(padded) + max(len(r) for r in responses.values()), channels))
    for k in needed:
        wet = fftconvolve(pieces[k][:, None], responses[tuple(np.round(path_m[steps[k]], 2))], axes=0)
        heard[k * hop : k * hop + len(wet)] += wet
    return heard[hop : hop + len(dry)]


def _stacked(channels: list[np.ndarray]) -> np.ndarray:
    length = max(len(c) for c in channels)
    return np.stack([np.pad(c, (0, length - len(c))) for c in channels], axis=1)
