"""Columns against the camera's own projection of the beams' directions."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.heard_columns import heard_columns
from avloc_ros.geometry import CameraModel, direction_from_angles


@pytest.mark.parametrize("view_deg", [60.0, 90.0])
def test_a_beam_is_heard_in_the_column_that_sees_its_direction(view_deg):
    cols, azimuths_rad = 200, np.deg2rad(np.linspace(60, -60, 25))  # every 5 degrees
    focal_px = cols / 2 / np.tan(np.deg2rad(view_deg) / 2)
    camera = CameraModel(cols, 100, focal_px, focal_px, cols / 2, 50.0)
    for number, azimuth_rad in enumerate(azimuths_rad):
        (u, _), inside = camera.project(direction_from_angles(azimuth_rad, 0.0))
        if not inside:
            continue
        one = np.full(25, -4.0)
        one[number] = 3.0
        found = heard_columns(one, azimuths_rad, cols, view_deg)
        assert abs(int(found.argmax()) + 0.5 - u) <= 1.0 and found.max() > 1.5 and found.min() == -4.0


def test_beyond_the_outermost_beams_is_what_they_say_and_between_them_a_line():
    found = heard_columns(np.array([1.0, 3.0]), np.deg2rad([10.0, -10.0]), 1001, 90.0)
    assert found[0] == 1.0 and found[-1] == 3.0 and found[500] == pytest.approx(2.0)
    assert (np.diff(found) >= 0).all()
