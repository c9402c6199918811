"""SRP-PHAT for any array geometry: one matrix product per frame from pair spectra to directions.

Steered response power with phase transform: J. DiBiase, "A high-accuracy, low-latency technique for talker
localization in reverberant environments", Brown University, 2000, Eq. 6.26. The cross spectrum of a pair depends on the direction
through one number only, its delay; over the delays that fit into the array, the steering vectors of all bins span a
space of few dimensions (about 2 x bandwidth x longest delay). Pair spectra are first taken to that space, so that the
product with the steering costs directions x pairs x tens, instead of directions x pairs x hundreds of bins.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError

RANK_TOLERANCE = 1e-3  # singular values below this share of the largest are left out
DELAYS_PER_PERIOD = (
    8  # table of delays per period of the highest frequency; the spline between is exact to 1e-4
)


class SrpPhat:
    """Steering of one array towards given points, kept for as long as neither changes.

    frequencies_hz (bins,): the bins that count. points_m (cells, 3): where the array listens, array frame; the delays
    are those of spherical waves from there. device: "cpu" (numpy), or a torch device, for which arrays are tensors.
    Raises InputError where that device is not there.
    """

    def __init__(
        self, array: MicrophoneArray, frequencies_hz: np.ndarray, points_m: np.ndarray, device: str = "cpu"
    ) -> None:
        require_device(device)
        points = np.asarray(points_m, float)
        if points.ndim != 2 or points.shape[1] != 3 or not np.all(np.isfinite(points)):
            raise InputError(
                f"points to listen to have shape {points.shape}, need finite (cells, 3) in metres"
            )
        self.first, self.second = np.triu_indices(array.channels, 1)  # (pairs,)
        self.device = device
        delays_s = pair_delays(array, points, self.first, self.second)  # (cells, pairs)
        projection, table_s, table = delay_space(
            np.asarray(frequencies_hz, float), float(np.abs(delays_s).max())
        )
        steering = CubicSpline(table_s, table)(delays_s)  # (cells, pairs, rank)
        self.rank = projection.shape[1]
        self.pairs = len(self.first)
        self.projection = self._own(projection.astype(np.float32))  # (2 bins, rank)
        self.steering = self._own(
            steering.reshape(len(points), -1).T.astype(np.float32)
        )  # (pairs rank, cells)

    def project(self, spectra: Any, weights: Any) -> Any:
        """Weighted, whitened pair spectra in the delay space: float32 (frames, pairs * rank).

        spectra: complex64 (frames, channels, bins); weights: float32 (frames, bins), what each bin counts.
        """
        spectra, weights = self._own(spectra), self._own(weights)
        phase = spectra / (abs(spectra) + 1e-20)  # PHAT: (frames, channels, bins)
        cross = (phase * weights[:, None])[:, self.first] * phase[
            :, self.second
        ].conj()  # (frames, pairs, bins)
        parts = self._concatenate([cross.real, cross.imag])  # (frames, pairs, 2 bins)
        return (parts @ self.projection).reshape(len(spectra), self.pairs * self.rank)

    def power(self, projected: Any, total_weight: Any) -> Any:
        """Steered power float32 (frames, cells) in [-1, 1]: 1 where all pairs agree in all bins.

        projected: (frames, pairs * rank), summed over any time; total_weight: (frames,), the weights summed likewise.
        """
        scale = self.pairs * self._own(total_weight)[:, None] + 1e-12
        return (self._own(projected) @ self.steering) / scale

    def on_cpu(self, values: Any) -> np.ndarray:
        """A result as a numpy array."""
        return np.asarray(values if self.device == "cpu" else values.cpu())

    def _own(self, values: Any) -> Any:
        if self.device == "cpu":
            return values
        import torch  # only for the GPU and for parity tests: the live CPU path needs numpy alone

        return torch.as_tensor(values, device=self.device.removeprefix("torch:"))

    def _concatenate(self, parts: list[Any]) -> Any:
        if self.device == "cpu":
            return np.concatenate(parts, axis=-1)
        import torch

        return torch.cat(parts, dim=-1)


def require_device(device: str) -> None:
    """Raises InputError where SRP cannot be computed on a device: "cpu", or what torch calls a device, such as cuda:0."""
    if device == "cpu":
        return
    if importlib.util.find_spec("torch") is None:
        raise InputError(f"device is {device}, but torch is not installed: install it, or set device to cpu")
    import torch

    try:
        wanted = torch.device(device.removeprefix("torch:"))
    except RuntimeError as error:
        raise InputError(f"device is {device}, allowed are cpu, cuda and cuda:N") from error
    if wanted.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {device}, but torch sees no GPU here: set device to cpu or auto")
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device is {device}, but torch sees only {torch.cuda.device_count()} GPU here, counted from 0")


def pair_delays(
    array: MicrophoneArray, points_m: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Seconds (cells, pairs) by which sound from each point reaches microphone `first` before `second`."""
    distances = np.linalg.norm(points_m[:, None] - array.positions_m[None], axis=-1)  # (cells, channels)
    return (distances[:, second] - distances[:, first]) / array.sound_speed_mps


def delay_space(frequencies_hz: np.ndarray, longest_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The space that the steering of delays up to `longest_s` spans.

    Returns the projection (2 bins, rank) of [real, imaginary] cross spectra, the delays (n,) of a table, and the
    table (n, rank), so that spectrum @ projection @ table[i] is the steered power at delay i.
    """
    longest_s = longest_s * 1.001 + 1e-6
    steps = int(np.ceil(2 * longest_s * frequencies_hz.max() * DELAYS_PER_PERIOD)) + 8
    table_s = np.linspace(-longest_s, longest_s, steps)
    phase = 2 * np.pi * table_s[:, None] * frequencies_hz[None]  # (n, bins)
    exact = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)  # (n, 2 bins)
    left, values, right = np.linalg.svd(exact, full_matrices=False)
    rank = int(np.sum(values > RANK_TOLERANCE * values[0]))
    return right[:rank].T, table_s, left[:, :rank] * values[:rank]
