"""Sound steered to directions across the picture: how well the phases of the microphones agree with each of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from avloc_ros.geometry import direction_from_angles
from avloc_ros.sources.arrays import named_array
from avloc_ros.types import InputError


@dataclass(frozen=True)
class BeamFan:
    """Horizontal directions, evenly spread from widest_deg on the left to as much on the right, for a shipped array."""

    array: str
    count: int
    widest_deg: float
    sample_rate_hz: int
    fft_length: int

    @property
    def azimuths_rad(self) -> np.ndarray:
        """(count,), the left one first."""
        return np.deg2rad(np.linspace(self.widest_deg, -self.widest_deg, self.count))


def steered_beams(spectra: np.ndarray, fan: BeamFan, bands: int = 0) -> np.ndarray:
    """Steered power of whitened spectra: float32 (beams, bins, frames), 1 where all phases are those of a plane wave.

    spectra complex64 (microphones, bins, frames). Of n microphones with random phases it is 0 in the mean:
    (|sum of phase-aligned units|^2 / n - 1) / (n - 1), the mean cosine of the pairs, as in SRP-PHAT (DiBiase 2000).
    bands: the mean over as many equal parts of the bins above the lowest, in place of every bin.
    """
    microphones, bins, frames = spectra.shape
    units = (spectra / np.maximum(np.abs(spectra), 1e-9)).transpose(1, 0, 2)  # (bins, microphones, frames)
    steering = steering_of(fan, microphones)
    if bands:
        units, steering = units[1:], steering[1:]
    aligned = (steering @ units).view(np.float32)  # (bins, beams, 2 * frames): real and imaginary parts in turns
    np.square(aligned, out=aligned)
    if bands:
        aligned = aligned.reshape(bands, (bins - 1) // bands, fan.count, 2 * frames).mean(axis=1)
    power = aligned[..., 0::2] + aligned[..., 1::2]  # (bins, beams, frames)
    return ((power / microphones - 1) / (microphones - 1)).transpose(1, 0, 2)


@functools.lru_cache(maxsize=8)
def steering_of(fan: BeamFan, microphones: int) -> np.ndarray:
    """What undoes the phases of a plane wave: complex64 (bins, beams, microphones). Raises InputError."""
    array = named_array(fan.array)
    if array.channels != microphones:
        raise InputError(f"sound of {microphones} microphones, the array '{fan.array}' has {array.channels}")
    directions = np.stack([direction_from_angles(azimuth, 0.0) for azimuth in fan.azimuths_rad])  # (beams, 3)
    ahead_s = directions @ array.positions_m.T / array.sound_speed_mps  # (beams, microphones): earlier than the origin
    frequencies_hz = np.fft.rfftfreq(fan.fft_length, 1 / fan.sample_rate_hz)
    return np.exp(-2j * np.pi * frequencies_hz[:, None, None] * ahead_s).astype(np.complex64)
