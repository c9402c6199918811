"""Interpolation on the sphere grid against functions that it must give exactly."""

import numpy as np

from avloc_ros.features.directions.sphere_sampling import SphereSampling
from avloc_ros.geometry import cell_centres, direction_from_angles, sphere_grid


def test_cell_centres_give_the_cells():
    layout = sphere_grid(36, 72)
    centres = cell_centres(layout)
    values = np.random.default_rng(0).random(layout.shape).astype(np.float32)
    sampling = SphereSampling(layout, direction_from_angles(centres[..., 0], centres[..., 1]))
    np.testing.assert_allclose(sampling(values), values, atol=1e-5)


def test_between_cells_it_is_linear_and_it_wraps():
    layout = sphere_grid(36, 72)
    azimuth, elevation = np.meshgrid(np.linspace(-np.pi, np.pi, 181), np.radians([-80, -3.0, 0, 41.0]))
    centres = cell_centres(layout)
    sampling = SphereSampling(layout, direction_from_angles(azimuth, elevation))
    np.testing.assert_allclose(sampling(centres[..., 1].astype(np.float32)), elevation, atol=1e-5)
    wave = sampling(np.cos(centres[..., 0]).astype(np.float32))
    np.testing.assert_allclose(wave, np.cos(azimuth), atol=2e-3)  # piecewise linear, also across +-180 degrees


def test_poles_take_the_last_row():
    layout = sphere_grid(36, 72)
    values = np.zeros(layout.shape, np.float32)
    values[-1] = 1.0
    assert SphereSampling(layout, np.array([[0.0, 0.0, 1.0]]))(values) == 1.0
