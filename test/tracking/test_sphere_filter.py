"""The filter on the sphere against a plain Kalman filter, geometry and statistics."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.geometry import angle_between, angles_from_direction, direction_from_angles, wrap_angle
from avloc_ros.tracking.sphere_filter import (
    WHOLE_CIRCLE_VARIANCE,
    angle_covariance,
    initial_state,
    predict,
    tangent_axes,
    tangent_offset,
    update,
)


def test_near_the_equator_it_is_the_textbook_filter_in_the_plane():
    rng = np.random.default_rng(1)
    dt, damping_s, acceleration = 0.04, 0.7, 0.2
    noise = np.diag([2e-5, 5e-5])
    state = initial_state(direction_from_angles(0.0, 0.0), noise, 0.1)
    x, p = np.zeros(4), np.diag([2e-5, 5e-5, 0.01, 0.01])
    keep = np.exp(-dt / damping_s)
    f = np.eye(4)
    f[0, 2] = f[1, 3] = damping_s * (1 - keep)
    f[2, 2] = f[3, 3] = keep
    g = np.vstack([np.eye(2) * dt**2 / 2, np.eye(2) * dt])
    h = np.eye(2, 4)
    for _ in range(50):
        z = rng.normal(0, 0.004, 2)
        state = update(predict(state, dt, acceleration, damping_s), direction_from_angles(*z), noise)
        x, p = f @ x, f @ p @ f.T + g @ g.T * acceleration**2
        k = p @ h.T @ np.linalg.inv(h @ p @ h.T + noise)
        x, p = x + k @ (z - h @ x), (np.eye(4) - k @ h) @ p
    assert np.array(angles_from_direction(state.direction)) == pytest.approx(x[:2], abs=1e-5)
    assert state.covariance == pytest.approx(p, rel=1e-3, abs=1e-8)


@pytest.mark.parametrize("elevation_deg", [0, 60, 89.9, -90])
def test_it_converges_anywhere_even_at_a_pole_and_across_the_seam(elevation_deg):
    rng = np.random.default_rng(2)
    truth = direction_from_angles(np.radians(179.9), np.radians(elevation_deg))
    axes = tangent_axes(truth)
    noise = np.eye(2) * 0.03**2
    state = None
    for _ in range(200):
        offset = rng.normal(0, 0.03, 2) @ axes
        measured = truth + offset
        measured /= np.linalg.norm(measured)
        state = initial_state(measured, noise, 0.05) if state is None else predict(state, 0.04, 0.02, 0.7)
        state = update(state, measured, noise)
    assert angle_between(state.direction, truth) < 0.02
    assert np.linalg.eigvalsh(state.covariance).min() > 0


def test_the_logarithm_map_gives_distance_and_side():
    origin = direction_from_angles(0.3, 0.2)
    assert tangent_offset(origin, origin) == pytest.approx([0, 0])
    for azimuth, elevation in ((0.9, -0.4), (-2.5, 1.2), (0.3, 1.3)):
        target = direction_from_angles(azimuth, elevation)
        assert np.linalg.norm(tangent_offset(origin, target)) == pytest.approx(angle_between(origin, target))
    east, north = tangent_offset(origin, direction_from_angles(0.31, 0.21))
    assert east > 0 and north > 0


def test_a_constant_velocity_is_followed_over_the_pole():
    dt, rate = 0.04, np.radians(30)
    state = None
    for k in range(100):
        along = (
            np.radians(30) + rate * k * dt
        )  # up the meridian of azimuth 0, over the pole and down on the other side
        direction = np.array([np.cos(along), 0.0, np.sin(along)])
        noise = np.eye(2) * 0.01**2
        state = initial_state(direction, noise, 1.0) if state is None else predict(state, dt, 0.2, 100.0)
        state = update(state, direction, noise)
    assert np.degrees(angle_between(state.direction, direction)) < 0.3
    assert np.linalg.norm(state.rate) == pytest.approx(rate, rel=0.05)


def test_the_published_covariance_is_that_of_the_angles():
    rng = np.random.default_rng(3)
    direction = direction_from_angles(1.0, np.radians(60))
    covariance = np.array([[4e-4, 1e-4], [1e-4, 2e-4]])
    draws = direction + rng.multivariate_normal([0, 0], covariance, 20000) @ tangent_axes(direction)
    azimuth, elevation = angles_from_direction(draws)
    expected = np.cov(wrap_angle(azimuth - 1.0), elevation)
    assert angle_covariance(initial_state(direction, covariance, 0.1)) == pytest.approx(expected, rel=0.1)
    at_pole = angle_covariance(initial_state(np.array([0.0, 0.0, 1.0]), covariance, 0.1))
    assert at_pole[0, 0] == pytest.approx(WHOLE_CIRCLE_VARIANCE) and np.linalg.eigvalsh(at_pole).min() >= 0
