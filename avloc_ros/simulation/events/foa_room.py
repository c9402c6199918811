"""What is heard in a rectangular room, by image sources (Allen and Berkley 1979), without any package.

By an FOA microphone every image is heard as a plane wave from its own direction: exact FOA in order W, Y, Z, X (SN3D), up to
the traced order. By an open array of omnidirectional microphones each image has its own way to each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS

TAPS = 32  # of the windowed sinc that places an image between samples
NEAREST_M = 0.2


@dataclass(frozen=True)
class FoaRoom:
    """A room with the FOA microphone in it; its axes are those of the array frame. Metres, seconds."""

    size_m: tuple[float, float, float]
    array_position_m: tuple[float, float, float]
    rt60_s: float
    max_order: int = 8

    def responses(
        self, microphones_m: np.ndarray, sources_m: np.ndarray, sample_rate_hz: int
    ) -> list[np.ndarray]:
        """FOA responses (taps, 4) from sources (n, 3), array frame; microphones_m plays no part (one point hears all)."""
        return [self.response(np.asarray(source), sample_rate_hz) for source in sources_m]

    def response(self, source_m: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """FOA response (taps, 4) from a source (3,), array frame; 1 at 1 m for the direct sound."""
        images_m, gains = self.images(source_m)
        distances_m = np.maximum(np.linalg.norm(images_m, axis=1), NEAREST_M)
        x, y, z = (images_m / distances_m[:, None]).T
        harmonics = np.stack([np.ones_like(x), y, z, x], 1) * (gains / distances_m)[:, None]  # (images, 4)
        taps, shape = _placed(distances_m, sample_rate_hz)
        response = np.zeros((int(taps.max()) + 1, 4))
        np.add.at(response, taps.ravel(), (shape[:, :, None] * harmonics[:, None]).reshape(-1, 4))
        return response[TAPS // 2 :]

    def images(self, source_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions (images, 3), array frame, of the source and its mirror images, and what the walls leave of each."""
        size, place = np.array(self.size_m), np.array(self.array_position_m)
        source = source_m + place
        numbers = range(-self.max_order, self.max_order + 1)
        counts = np.array(
            [n for n in product(numbers, repeat=3) if sum(map(abs, n)) <= self.max_order]
        )  # (images, 3)
        odd = counts % 2 == 1
        positions = counts * size + np.where(odd, size - source, source)
        return positions - place, self.reflection() ** np.abs(counts).sum(1)

    def reflection(self) -> float:
        """Pressure that one wall leaves, the same for all, from the reverberation time (Sabine)."""
        width, depth, height = self.size_m
        surface = 2 * (width * depth + width * height + depth * height)
        absorption = 24 * np.log(10) / SPEED_OF_SOUND_MPS * width * depth * height / (surface * self.rt60_s)
        return float(np.sqrt(1 - min(absorption, 0.99)))

    def holds(self, point_m: np.ndarray, margin_m: float = 0.3) -> bool:
        """Whether a point of the array frame is inside, with a margin to the walls."""
        place = np.asarray(point_m) + self.array_position_m
        return bool(np.all(place > margin_m) and np.all(place < np.array(self.size_m) - margin_m))


@dataclass(frozen=True)
class OpenArrayRoom(FoaRoom):
    """The same room heard by omnidirectional microphones that nothing shades."""

    def responses(
        self, microphones_m: np.ndarray, sources_m: np.ndarray, sample_rate_hz: int
    ) -> list[np.ndarray]:
        """Responses (taps, mics) from sources (n, 3) to microphones (mics, 3), array frame; 1 at 1 m for the direct sound."""
        return [self._to_each(microphones_m, np.asarray(source), sample_rate_hz) for source in sources_m]

    def _to_each(self, microphones_m: np.ndarray, source_m: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        images_m, gains = self.images(source_m)
        distances_m = np.maximum(np.linalg.norm(images_m[None] - microphones_m[:, None], axis=2), NEAREST_M)  # (mics, images)
        taps, shape = _placed(distances_m.ravel(), sample_rate_hz)
        values = shape * (gains / distances_m).reshape(-1, 1)
        length, mics = int(taps.max()) + 1, len(microphones_m)
        place = taps + length * np.arange(mics).repeat(len(gains))[:, None]
        response = np.bincount(place.ravel(), values.ravel(), minlength=mics * length)
        return response.reshape(mics, length).T[TAPS // 2 :]


def _placed(distances_m: np.ndarray, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """(samples, values), each (paths, TAPS), of a windowed sinc for paths of these lengths, TAPS / 2 samples late."""
    delays = distances_m / SPEED_OF_SOUND_MPS * sample_rate_hz + TAPS // 2
    first = np.floor(delays).astype(int) - TAPS // 2 + 1
    taps = first[:, None] + np.arange(TAPS)
    late = taps - delays[:, None]
    return taps, np.sinc(late) * (0.5 + 0.5 * np.cos(np.pi * late / (TAPS // 2)))
