"""A Kalman filter for a direction: it lives in the plane that touches the sphere at the estimate.

The state is a unit vector and its angular velocity in the tangent plane, whose axes point east (growing azimuth) and
north (growing elevation). Steps are taken by the sphere's exponential map, so that no azimuth is wrapped and no pole
is special; azimuth and elevation appear only where the covariance is published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.geometry import angles_from_direction

WHOLE_CIRCLE_VARIANCE = np.pi**2 / 3  # of an angle that may be anywhere: uniform over [-pi, pi)


@dataclass(frozen=True)
class SphereState:
    """direction: unit vector (3,); rate (2,): east and north, rad/s; covariance (4, 4) of (east, north, rates)."""

    direction: np.ndarray
    rate: np.ndarray
    covariance: np.ndarray


def initial_state(direction: np.ndarray, covariance: np.ndarray, rate_sigma_rad_s: float) -> SphereState:
    """A state at rest at `direction`; covariance (2, 2) of its east and north error, rad^2."""
    full = np.zeros((4, 4))
    full[:2, :2] = covariance
    full[2:, 2:] = np.eye(2) * rate_sigma_rad_s**2
    return SphereState(np.asarray(direction, float), np.zeros(2), full)


def predict(
    state: SphereState, duration_s: float, acceleration_rad_s2: float, damping_s: float
) -> SphereState:
    """The state `duration_s` later, with velocity that dies out and white acceleration."""
    kept = np.exp(-duration_s / damping_s)
    travel_s = damping_s * (1 - kept)
    transition = np.diag([1.0, 1.0, kept, kept])
    transition[0, 2] = transition[1, 3] = travel_s
    gain = np.zeros((4, 2))
    gain[0, 0] = gain[1, 1] = duration_s**2 / 2 * acceleration_rad_s2
    gain[2, 0] = gain[3, 1] = duration_s * acceleration_rad_s2
    covariance = transition @ state.covariance @ transition.T + gain @ gain.T
    return _moved(SphereState(state.direction, state.rate * kept, covariance), state.rate * travel_s)


def update(state: SphereState, direction: np.ndarray, noise: np.ndarray) -> SphereState:
    """The state after a measured direction (3,) with noise (2, 2) in its east and north, rad^2."""
    innovation = tangent_offset(state.direction, direction)
    gain = np.linalg.solve(state.covariance[:2, :2] + noise, state.covariance[:2]).T  # (4, 2)
    step = gain @ innovation
    keep = np.eye(4)
    keep[:, :2] -= gain
    covariance = keep @ state.covariance @ keep.T + gain @ noise @ gain.T  # Joseph's form stays positive
    return _moved(SphereState(state.direction, state.rate + step[2:], covariance), step[:2])


def squared_distances(state: SphereState, directions: np.ndarray, noises: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distances (n,) of measured directions (n, 3) with noises (n, 2, 2)."""
    offsets = tangent_offset(state.direction, directions)  # (n, 2)
    covariances = state.covariance[:2, :2] + noises
    return np.einsum("ni,ni->n", offsets, np.linalg.solve(covariances, offsets[..., None])[..., 0])


def tangent_axes(direction: np.ndarray) -> np.ndarray:
    """Unit vectors (2, 3) to the east and to the north of a direction; at a pole, those of azimuth 0."""
    x, y, z = direction
    horizontal = float(np.hypot(x, y))
    cosine, sine = (x / horizontal, y / horizontal) if horizontal > 1e-9 else (1.0, 0.0)
    return np.array([[-sine, cosine, 0.0], [-z * cosine, -z * sine, horizontal]])


def tangent_offset(origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Angles (..., 2) east and north from one direction to others (..., 3) along great circles (the logarithm map)."""
    across = directions @ tangent_axes(origin).T  # (..., 2)
    length = np.sqrt((across * across).sum(-1))
    angle = np.arctan2(length, directions @ origin)
    # towards the direction itself and its antipode there is no side: the scale is that of small angles
    return across * np.where(length > 1e-12, angle / np.maximum(length, 1e-12), 1.0)[..., None]


def angle_covariance(state: SphereState) -> np.ndarray:
    """Covariance (2, 2) of (azimuth, elevation), rad^2; near a pole the azimuth is uncertain up to the whole circle."""
    _, elevation = angles_from_direction(state.direction)
    stretch = np.diag([1 / max(np.cos(float(elevation)), 1e-6), 1.0])
    covariance = stretch @ state.covariance[:2, :2] @ stretch
    if covariance[0, 0] > WHOLE_CIRCLE_VARIANCE:
        shrink = np.sqrt(WHOLE_CIRCLE_VARIANCE / covariance[0, 0])
        covariance = covariance * np.array([[shrink**2, shrink], [shrink, 1.0]])
    return covariance


def _moved(state: SphereState, offset: np.ndarray) -> SphereState:
    """The state carried along the great circle by `offset` (2,), its vectors turned into the axes of the new place."""
    angle = float(np.linalg.norm(offset))
    if angle < 1e-12:
        return state
    axes = tangent_axes(state.direction)
    east, north = offset / angle
    heading = east * axes[0] + north * axes[1]  # unit vector along the way
    direction = state.direction * np.cos(angle) + heading * np.sin(angle)
    direction /= np.linalg.norm(direction)
    heading_after = heading * np.cos(angle) - state.direction * np.sin(angle)
    side = east * axes[1] - north * axes[0]  # direction x heading; unchanged on the way: parallel transport
    turn = (
        tangent_axes(direction) @ np.stack([heading_after, side], axis=1) @ np.stack([heading, side]) @ axes.T
    )
    both = np.zeros((4, 4))
    both[:2, :2] = both[2:, 2:] = turn
    return SphereState(direction, turn @ state.rate, both @ state.covariance @ both.T)
