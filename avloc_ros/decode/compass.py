"""A compass in the corner of the overlay: all speakers seen from above, also those the camera does not see."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from avloc_ros.decode.drawing import BLUE, GREY, INK, Pen, colour_of
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.types import Speaker

RADIUS_UNITS = 58.0
MARGIN_UNITS = 14.0


def draw_compass(pen: Pen, speakers: Sequence[Speaker], camera: CameraModel | None) -> None:
    """The array in the middle, its x axis up, azimuth growing to the left; the camera's field of view as a wedge."""
    radius = RADIUS_UNITS * pen.unit
    rows, columns = pen.canvas.shape[:2]
    if min(rows, columns) < 3 * radius:
        return  # it would hide the picture
    centre = np.array([columns - radius - MARGIN_UNITS * pen.unit, rows - radius - MARGIN_UNITS * pen.unit])
    _disc(pen, centre, radius)
    if camera is not None:
        _field_of_view(pen, centre, radius, camera)
    for speaker in speakers:
        azimuth, _ = angles_from_direction(speaker.direction)
        tip = _on_circle(centre, radius * 0.82, float(azimuth))
        thickness = 3.5 if speaker.is_speaking else 1.5
        ends = tuple(np.rint(centre).astype(int).tolist()), tuple(np.rint(tip).astype(int).tolist())
        cv2.line(pen.canvas, *ends, colour_of(speaker), pen.width(thickness), cv2.LINE_AA)
        size = pen.width(6 if speaker.is_speaking else 4)
        cv2.circle(pen.canvas, ends[1], size, colour_of(speaker), -1, cv2.LINE_AA)
    cv2.circle(pen.canvas, tuple(np.rint(centre).astype(int).tolist()), pen.width(3), GREY, -1, cv2.LINE_AA)


def _disc(pen: Pen, centre: np.ndarray, radius: float) -> None:
    left, top = np.floor(centre - radius - 2).astype(int)
    right, bottom = np.ceil(centre + radius + 2).astype(int)
    region = pen.canvas[max(top, 0) : bottom, max(left, 0) : right]
    dark = region.copy()
    middle = (round(float(centre[0])) - max(left, 0), round(float(centre[1])) - max(top, 0))
    cv2.circle(dark, middle, round(radius), INK, -1, cv2.LINE_AA)
    region[:] = cv2.addWeighted(region, 0.35, dark, 0.65, 0)
    cv2.circle(region, middle, round(radius), GREY, pen.width(1.2), cv2.LINE_AA)


def _field_of_view(pen: Pen, centre: np.ndarray, radius: float, camera: CameraModel) -> None:
    sides = camera.rays(np.array([[0.0, camera.cy], [float(camera.width), camera.cy]]))  # (2, 3)
    azimuth, _ = angles_from_direction(sides)
    left, right = float(azimuth[0]), float(azimuth[1])
    span = (left - right) % (2 * np.pi)
    arc = [_on_circle(centre, radius, right + share * span) for share in np.linspace(0, 1, 24)]
    wedge = np.rint(np.array([centre, *arc])).astype(np.int32)
    x, y, width, height = cv2.boundingRect(wedge)
    region = pen.canvas[max(y, 0) : y + height, max(x, 0) : x + width]
    lit = region.copy()
    cv2.fillPoly(lit, [wedge - [max(x, 0), max(y, 0)]], BLUE, cv2.LINE_AA)
    region[:] = cv2.addWeighted(region, 0.72, lit, 0.28, 0)


def _on_circle(centre: np.ndarray, radius: float, azimuth_rad: float) -> np.ndarray:
    return centre + radius * np.array([-np.sin(azimuth_rad), -np.cos(azimuth_rad)])
