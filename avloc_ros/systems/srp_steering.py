"""Steering of one set of microphones over the sphere grid, and what that set can tell apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.power_peaks import map_statistics
from avloc_ros.features.directions.srp_phat import SrpPhat, pair_delays
from avloc_ros.geometry import cell_centres, direction_from_angles, layout_directions
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import GridLayout

TRIAL_AZIMUTHS_RAD = np.radians([0.0, 50.0, 100.0, 170.0, 250.0])


@dataclass(frozen=True)
class SphereSteering:
    """What is computed once per geometry.

    allowed: bool (rows, cols), where a peak may lie; sharpest: how many standard deviations of the map the peak of a
    single source in silence stands out (3 for a small square, 8 for microphones around a head).
    """

    steering: SrpPhat
    ambiguity: ArrayAmbiguity
    allowed: np.ndarray
    sharpest: float


def steer_over_sphere(
    array: MicrophoneArray,
    usable: np.ndarray,
    layout: GridLayout,
    range_m: float,
    frequencies_hz: np.ndarray,
    device: str,
) -> SphereSteering:
    """Steering of the usable (channels,) microphones towards all cells of a sphere grid, `range_m` away."""
    names = tuple(name for name, fine in zip(array.channel_names, usable, strict=True) if fine)
    part = replace(array, positions_m=array.positions_m[usable], channel_names=names)
    directions = layout_directions(layout, cell_centres(layout), None, 0.0)  # (rows, cols, 3)
    steering = SrpPhat(part, frequencies_hz, (directions * range_m).reshape(-1, 3), device)
    ambiguity = ArrayAmbiguity(part)
    allowed = ambiguity.assumed_side(directions, layout.v_step)
    return SphereSteering(steering, ambiguity, allowed, _sharpest(steering, part, layout, frequencies_hz))


def _sharpest(
    steering: SrpPhat, array: MicrophoneArray, layout: GridLayout, frequencies_hz: np.ndarray
) -> float:
    """Mean height of the peak of one source in silence, in standard deviations of the map."""
    sources = (
        direction_from_angles(TRIAL_AZIMUTHS_RAD, np.full(len(TRIAL_AZIMUTHS_RAD), np.radians(15.0))) * 2.0
    )
    arrival_s = -pair_delays(array, sources, np.zeros(array.channels, int), np.arange(array.channels))
    spectra = np.exp(2j * np.pi * frequencies_hz * arrival_s[..., None]).astype(np.complex64)
    weights = np.ones((len(sources), len(frequencies_hz)), np.float32)
    maps = steering.on_cpu(steering.power(steering.project(spectra, weights), weights.sum(1)))
    heights = []
    for power in maps.reshape(-1, *layout.shape):
        mean, spread = map_statistics(power, layout)
        heights.append((power.max() - mean) / spread)
    return float(np.mean(heights))
