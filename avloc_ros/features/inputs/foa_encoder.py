"""First-order ambisonics out of a microphone array, where its geometry allows it.

Per frequency, the 4 x mics matrix that turns what the array hears of plane waves from all around into their spherical
harmonics 1, y, z, x (ACN order, SN3D) best in the sense of least squares, regularised so that noise of the microphones is
not blown up. Open array of omnidirectional microphones; no array body is modelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import oaconvolve

from avloc_ros.config import setting
from avloc_ros.geometry import even_directions
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError

COMPONENTS = ("W", "Y", "Z", "X")
GRID_DIRECTIONS = 240


@dataclass(frozen=True)
class FoaEncoderConfig:
    """How hard the encoder tries, and what counts as good enough."""

    noise_db: float = setting(
        -30.0, "noise of the microphones below the sound that the encoder allows for", low=-80, high=0
    )
    worst_error: float = setting(
        0.5,
        "largest share of a component's energy that may be wrong at a usable frequency",
        low=0.01,
        high=1.0,
    )
    lowest_needed_hz: float = setting(500.0, "the encoder must work from here ...", low=20.0, high=20000.0)
    highest_needed_hz: float = setting(1500.0, "... to here", low=20.0, high=20000.0)


class FoaEncoder:
    """Turns spectra of an array (mics, frames, bins) into FOA spectra (4, frames, bins), in order W, Y, Z, X.

    usable_hz: (lowest, highest) frequency between which all four components are right. error: (4, bins), the share of
    each component's energy that is wrong. Raises InputError, with the component and the reason, where the geometry does
    not carry FOA over the needed band.
    """

    def __init__(
        self,
        array: MicrophoneArray,
        sample_rate_hz: int,
        fft_length: int,
        config: FoaEncoderConfig | None = None,
    ) -> None:
        self.config = config or FoaEncoderConfig()
        self.frequencies_hz = np.arange(fft_length // 2 + 1) * (sample_rate_hz / fft_length)  # (bins,)
        directions = even_directions(GRID_DIRECTIONS)
        steering = plane_waves(array, self.frequencies_hz, directions)  # (bins, mics, directions)
        harmonics = first_order(directions)  # (4, directions)
        self.matrix = _least_squares(
            steering, harmonics, 10 ** (self.config.noise_db / 10)
        )  # (bins, 4, mics)
        self.error = _energy_error(self.matrix, steering, harmonics)  # (4, bins)
        self._check(array)
        self.usable_hz = self._usable_band()

    def __call__(self, spectra: np.ndarray) -> np.ndarray:
        """FOA spectra complex64 (4, frames, bins) of spectra (mics, frames, bins)."""
        if spectra.shape[0] != self.matrix.shape[2] or spectra.shape[2] != self.matrix.shape[0]:
            raise InputError(
                f"spectra have {spectra.shape[0]} channels and {spectra.shape[2]} bins, the encoder was made for "
                f"{self.matrix.shape[2]} and {self.matrix.shape[0]}"
            )
        return np.einsum("bcm,mtb->ctb", self.matrix, spectra).astype(np.complex64)

    def of_samples(self, samples: np.ndarray) -> np.ndarray:
        """FOA samples float32 (n, 4) of samples (n, mics): the same filters over time, half as long as the transform."""
        half = len(self.frequencies_hz) - 1
        filters = np.roll(np.fft.irfft(self.matrix, axis=0), half // 2, axis=0)[: half + 1]  # (taps, 4, mics), middle at half / 2
        heard = [oaconvolve(samples, filters[:, component], axes=0).sum(1) for component in range(len(COMPONENTS))]
        return np.stack(heard, axis=1)[half // 2 :][: len(samples)].astype(np.float32)

    def _check(self, array: MicrophoneArray) -> None:
        needed = (self.frequencies_hz >= self.config.lowest_needed_hz) & (
            self.frequencies_hz <= self.config.highest_needed_hz
        )
        wrong = np.median(self.error[:, needed], axis=1)  # (4,)
        bad = [name for name, share in zip(COMPONENTS, wrong, strict=True) if share > self.config.worst_error]
        if bad:
            raise InputError(
                f"array '{array.name}' does not carry FOA: {', '.join(bad)} cannot be told from "
                f"{self.config.lowest_needed_hz:g} to {self.config.highest_needed_hz:g} Hz ({why_not(array)}); "
                "use the features of the array itself (GCC-PHAT or SALSA-Lite)"
            )

    def _usable_band(self) -> tuple[float, float]:
        good = np.asarray((self.error < self.config.worst_error).all(0))  # (bins,)
        middle = np.sqrt(self.config.lowest_needed_hz * self.config.highest_needed_hz)
        low = high = int(np.argmin(np.abs(self.frequencies_hz - middle)))
        while low > 0 and good[low - 1]:
            low -= 1
        while high + 1 < len(good) and good[high + 1]:
            high += 1
        return float(self.frequencies_hz[low]), float(self.frequencies_hz[high])


def is_foa(array: MicrophoneArray) -> bool:
    """Whether the channels are first-order ambisonics already: named W, Y, Z, X."""
    return tuple(name.upper() for name in array.channel_names) == COMPONENTS


def why_not(array: MicrophoneArray) -> str:
    """What about an array's shape keeps it from carrying FOA, in words."""
    spread_m = np.linalg.svd(array.positions_m - array.positions_m.mean(0), compute_uv=False)
    flat = int(np.sum(spread_m < 0.02 * max(spread_m[0], 1e-9))) + max(0, 3 - len(spread_m))
    if array.channels < 4:
        return f"it has {array.channels} microphones, FOA needs 4"
    if flat >= 2:
        return "its microphones lie on a line"
    if flat == 1:
        return "its microphones lie in a plane, so above and below sound alike"
    return "it is too small or too large for this band"


def first_order(directions: np.ndarray) -> np.ndarray:
    """Spherical harmonics (4, n) of unit vectors (n, 3): W = 1, Y = y, Z = z, X = x (SN3D)."""
    x, y, z = directions.T
    return np.stack([np.ones_like(x), y, z, x])


def plane_waves(array: MicrophoneArray, frequencies_hz: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """complex (bins, mics, n): what the microphones hear of plane waves from unit vectors (n, 3), 1 at the array's centre."""
    earlier_s = (
        (array.positions_m - array.positions_m.mean(0)) @ directions.T / array.sound_speed_mps
    )  # (mics, n)
    return np.exp(2j * np.pi * frequencies_hz[:, None, None] * earlier_s)


def _least_squares(steering: np.ndarray, harmonics: np.ndarray, noise_power: float) -> np.ndarray:
    adjoint = steering.conj().transpose(0, 2, 1)  # (bins, n, mics)
    count = steering.shape[2]
    covariance = steering @ adjoint / count + noise_power * np.eye(steering.shape[1])  # (bins, mics, mics)
    cross = harmonics @ adjoint / count  # (bins, 4, mics)
    return np.linalg.solve(covariance.transpose(0, 2, 1), cross.transpose(0, 2, 1)).transpose(0, 2, 1)


def _energy_error(matrix: np.ndarray, steering: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    wrong = np.square(np.abs(matrix @ steering - harmonics)).mean(2)  # (bins, 4)
    return (wrong / np.square(harmonics).mean(1)).T
