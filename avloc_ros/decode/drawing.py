"""The pen of the overlay: brackets, rings, chips of text, all in units that follow the picture's height."""

from __future__ import annotations

import cv2
import numpy as np

from avloc_ros.types import Speaker

Colour = tuple[int, int, int]  # blue, green, red
GREEN: Colour = (96, 214, 84)
WHITE: Colour = (250, 250, 250)
GREY: Colour = (196, 186, 176)
AMBER: Colour = (40, 170, 250)
BLUE: Colour = (240, 170, 90)
INK: Colour = (28, 24, 22)
REFERENCE_HEIGHT = 720.0
FONT = cv2.FONT_HERSHEY_DUPLEX


def colour_of(speaker: Speaker) -> Colour:
    """Green who speaks, grey who is silent."""
    return GREEN if speaker.is_speaking else GREY


class Pen:
    """Draws on `canvas`, uint8 (rows, columns, 3), in place. `unit`: one pixel of a picture 720 high."""

    def __init__(self, canvas: np.ndarray) -> None:
        self.canvas = canvas
        self.unit = max(canvas.shape[0] / REFERENCE_HEIGHT, 0.55)
        self.letter_scale = 0.62 * self.unit

    def width(self, units: float) -> int:
        """A line width in whole pixels."""
        return max(1, round(units * self.unit))

    def brackets(self, box: tuple[float, float, float, float], colour: Colour, is_strong: bool) -> None:
        """The four corners of a box (left, top, width, height)."""
        left, top, wide, high = box
        corner = 0.22 * min(wide, high)
        for x, along in ((left, 1), (left + wide, -1)):
            for y, down in ((top, 1), (top + high, -1)):
                points = [(x + along * corner, y), (x, y), (x, y + down * corner)]
                self._line(points, colour, 4 if is_strong else 2.5)

    def ring(self, centre: tuple[float, float], radius: float, colour: Colour, is_strong: bool) -> None:
        """A circle with a shadow, so that it shows on any background; a second one around who speaks."""
        radii = (radius, radius * 1.5) if is_strong else (radius,)
        for size in radii:
            for ink, width in ((INK, 5), (colour, 2.5)):
                cv2.circle(self.canvas, _pixel(centre), round(size), ink, self.width(width), cv2.LINE_AA)

    def level(self, bar: tuple[float, float, float], share: float, colour: Colour) -> None:
        """A bar (left, top, length) that is filled up to `share`."""
        left, top, length = bar
        self._line([(left, top), (left + length, top)], INK, 4)
        self._line([(left, top), (left + length * min(max(share, 0.0), 1.0), top)], colour, 4)

    def chip(
        self, at: tuple[float, float], text: str, colour: Colour, anchor: str, beside: float = 0.0
    ) -> None:
        """Text on a dark plate with a coloured edge, kept inside the picture.

        anchor: which corner or side of the plate is `at`; beside: the column of what a plate anchored left stands beside.
        """
        pad = 6 * self.unit
        (wide, high), baseline = cv2.getTextSize(text, FONT, self.letter_scale, self.width(1))
        width, height = wide + 3 * pad, high + baseline + 1.2 * pad
        left, top = at
        top = top - height if "bottom" in anchor else top - height / 2 if anchor == "left" else top
        rows, columns = self.canvas.shape[:2]
        if anchor == "left" and left + width > columns:
            left = 2 * beside - left - width  # no room on the right: mirrored to the other side of what it names
        left = min(max(left, 0.0), max(columns - width, 0.0))
        top = min(max(top, 0.0), max(rows - height, 0.0))
        self._plate(left, top, width, height)
        edge = [(left + self.unit * 2, top), (left + self.unit * 2, top + height)]
        self._line(edge, colour, 4, shadow=False)
        origin = _pixel((left + 2 * pad, top + high + 0.8 * pad))
        cv2.putText(self.canvas, text, origin, FONT, self.letter_scale, WHITE, self.width(1), cv2.LINE_AA)

    def _plate(self, left: float, top: float, width: float, height: float) -> None:
        (x0, y0), (x1, y1) = _pixel((left, top)), _pixel((left + width, top + height))
        region = self.canvas[max(y0, 0) : y1, max(x0, 0) : x1]
        if region.size:
            region[:] = cv2.addWeighted(region, 0.3, np.full_like(region, INK), 0.7, 0)

    def _line(self, points: list[tuple[float, float]], colour: Colour, units: float, shadow: bool = True) -> None:
        path = np.array([_pixel(point) for point in points], np.int32).reshape(-1, 1, 2)
        if shadow:
            cv2.polylines(self.canvas, [path], False, INK, self.width(units + 2.5), cv2.LINE_AA)
        cv2.polylines(self.canvas, [path], False, colour, self.width(units), cv2.LINE_AA)


def _pixel(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])
