"""Where on the sphere sound flows from, whatever it is: a histogram of the flows of a chunk, and its peaks by label frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import convolve1d, uniform_filter1d

from avloc_ros.config import setting
from avloc_ros.features.directions.flow_features import X_Y_Z
from avloc_ros.geometry import even_directions

TINY = 1e-10
AZIMUTHS, HEIGHTS = 144, 72  # of the table by which a flow finds its place on the grid


@dataclass(frozen=True)
class FlowMapConfig:
    """How flows are weighted, smoothed over the sphere and over time, and which peaks count."""

    places: int = setting(642, "directions of the grid", low=12, high=10000)
    sharpness: float = setting(60.0, "of the smoothing over the sphere: exp(s (cos - 1))", low=1.0, high=1000.0)
    context: int = setting(12, "label frames to both sides that count too", low=0, high=1000)
    lowest_bin: int = setting(2, "the first bin that counts", low=0, high=10000)
    highest_bin: int = setting(400, "the first that does not any more", low=1, high=10000)
    directness: float = setting(4.0, "exponent of the directness in a cell's weight", low=0.0, high=20.0)
    compression: float = setting(0.25, "exponent of the energy", low=0.0, high=1.0)
    least_share: float = setting(0.02, "peaks lower than this share of the highest do not count", low=0.0, high=1.0)
    most: int = setting(6, "peaks of a label frame", low=1, high=100)


@dataclass(frozen=True)
class Peaks:
    """Of one label frame: directions float (n, 3) and their share of the largest value, the highest first."""

    directions: np.ndarray
    shares: np.ndarray


def flow_peaks(spectra: np.ndarray, frames: int, config: FlowMapConfig) -> list[Peaks]:
    """Peaks by label frame of spectra (4, analysis frames, bins) in order W, Y, Z, X."""
    grid, kernel, beside = _grid(config.places, config.sharpness)
    histogram = flow_histogram(spectra, frames, config) @ kernel  # (frames, places)
    offsets = np.abs(np.arange(-config.context, config.context + 1))
    smooth = convolve1d(histogram, np.exp(-offsets / (config.context / 2 + 1)), axis=0, mode="constant")
    highest = (smooth[:, :, None] > smooth[:, beside]).all(2)
    return [_peaks(grid, values, tops, config) for values, tops in zip(smooth, highest, strict=True)]


def flow_histogram(spectra: np.ndarray, frames: int, config: FlowMapConfig) -> np.ndarray:
    """Weights (label frames, places) of the flows that come from each place of the grid."""
    cells = spectra[:, :, config.lowest_bin : config.highest_bin]
    energy = np.square(np.abs(cells)).sum(0) + TINY  # (analysis frames, bins)
    flow = np.real(np.conj(cells[:1]) * cells[X_Y_Z])
    flow, mean_energy = uniform_filter1d(flow, 3, axis=1), uniform_filter1d(energy, 3, axis=0)
    length = np.sqrt(np.square(flow).sum(0)) + TINY
    weight = energy**config.compression * np.minimum(2.0 * length / mean_energy, 1.0) ** config.directness
    place = _nearest_place(flow, length, config.places)
    per_label = cells.shape[1] // frames
    label = np.arange(cells.shape[1]) // per_label
    index = label[:, None] * config.places + place
    counted = np.bincount(index.ravel(), weight.ravel(), minlength=(label[-1] + 1) * config.places)
    return counted.reshape(-1, config.places)[:frames]


def _peaks(grid: np.ndarray, values: np.ndarray, tops: np.ndarray, config: FlowMapConfig) -> Peaks:
    places = np.flatnonzero(tops & (values > config.least_share * values.max()))
    places = places[np.argsort(-values[places])][: config.most]
    return Peaks(grid[places], values[places] / max(values.max(), TINY))


def _nearest_place(flow: np.ndarray, length: np.ndarray, places: int) -> np.ndarray:
    azimuth = np.floor((np.arctan2(flow[1], flow[0]) / (2 * np.pi) + 0.5) * AZIMUTHS).astype(int)
    height = np.floor((flow[2] / length * 0.5 + 0.5) * HEIGHTS).astype(int)
    return _table(places)[np.clip(height, 0, HEIGHTS - 1), np.clip(azimuth, 0, AZIMUTHS - 1)]


@lru_cache(maxsize=4)
def _table(places: int) -> np.ndarray:
    """Nearest place of the grid (HEIGHTS, AZIMUTHS) to the middle of each field of equal area."""
    height = ((np.arange(HEIGHTS) + 0.5) / HEIGHTS * 2 - 1)[:, None]
    azimuth = (((np.arange(AZIMUTHS) + 0.5) / AZIMUTHS - 0.5) * 2 * np.pi)[None]
    level = np.sqrt(1 - height**2)
    middle = np.stack(np.broadcast_arrays(np.cos(azimuth) * level, np.sin(azimuth) * level, height), -1)
    return np.asarray((middle @ even_directions(places).T).argmax(-1))


@lru_cache(maxsize=4)
def _grid(places: int, sharpness: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions, smoothing (places, places), and the six nearest of each place (places, 6)."""
    grid = even_directions(places)
    cosines = grid @ grid.T
    return grid, np.exp(sharpness * (cosines - 1)), np.argsort(-cosines, 1)[:, 1:7]
