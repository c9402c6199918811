"""A drawn room for talkers to stand in: walls, floor, window, pictures, shelf, plant, table; different for each seed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

OVERSAMPLING = 2  # drawn larger, then reduced: soft edges without any other effort
WOODS_BGR = ((60, 95, 140), (45, 70, 105), (95, 140, 180), (150, 165, 175), (70, 75, 80))
WALLS_BGR = (
    (205, 215, 222),
    (190, 205, 200),
    (215, 200, 190),
    (175, 190, 210),
    (200, 190, 175),
    (160, 170, 175),
)
FLOORS_BGR = ((70, 90, 115), (85, 85, 90), (60, 75, 95), (100, 110, 120))


@dataclass(frozen=True)
class Room:
    """background: float32 (rows, columns, 3) BGR in [0, 1]. table: (rows below its edge, columns, 3), hides what is behind."""

    background: np.ndarray
    table: np.ndarray

    @property
    def table_row(self) -> int:
        return len(self.background) - len(self.table)


def draw_room(rng: np.random.Generator, width: int, height: int, horizon_px: float, table_px: float) -> Room:
    """A room whose floor meets the wall below `horizon_px` and whose table begins at row `table_px`."""
    canvas = _Canvas(rng, width, height)
    floor_px = horizon_px + height * rng.uniform(0.22, 0.30)
    canvas.wall(floor_px)
    pieces = [
        canvas.window,
        canvas.shelf,
        canvas.framed_picture,
        canvas.door,
        canvas.plant,
        canvas.framed_picture,
    ]
    order = rng.permutation(len(pieces))[: rng.integers(3, 6)]
    places = (np.arange(len(order)) + rng.uniform(0.2, 0.8, len(order))) / len(order) * width
    for piece, place in zip(order, places, strict=True):
        pieces[piece](float(place), floor_px)
    background = canvas.finished() * _light(rng, width, height)[..., None]
    return Room(np.clip(background, 0, 1).astype(np.float32), _table(rng, width, height, table_px))


class _Canvas:
    """The wall and what hangs on it; coordinates are pixels of the final picture."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.image = np.zeros((height * OVERSAMPLING, width * OVERSAMPLING, 3), np.uint8)
        self.wood = _varied(rng, WOODS_BGR)

    def wall(self, floor_px: float) -> None:
        self.box(0, 0, self.width, self.height, _varied(self.rng, WALLS_BGR))
        corner = self.rng.uniform(-0.2, 1.2) * self.width
        shade = _varied(self.rng, WALLS_BGR)
        slope = self.rng.uniform(0.1, 0.3) * (self.width - corner)
        self.polygon(
            [(corner, 0), (self.width, 0), (self.width, floor_px + slope), (corner, floor_px)], shade
        )
        floor = _varied(self.rng, FLOORS_BGR)
        right_floor_px = floor_px + max(0.0, slope)
        edge = [(0.0, floor_px), (corner, floor_px), (self.width, right_floor_px)]
        self.polygon([*edge, (self.width, self.height), (0, self.height)], floor)
        self.line((0, floor_px), (corner, floor_px), 5, tuple(0.7 * c for c in shade))

    def window(self, u: float, floor_px: float) -> None:
        w, h = self.rng.uniform(110, 190), self.rng.uniform(110, 150)
        top = self.rng.uniform(15, 60)
        sky = (self.rng.uniform(215, 250), self.rng.uniform(205, 235), self.rng.uniform(190, 225))
        self.box(u - w / 2 - 6, top - 6, w + 12, h + 12, (225, 228, 230))
        self.box(u - w / 2, top, w, h, sky)
        self.box(u - w / 2, top + h * 0.65, w, h * 0.35, (90, 130, 110))
        for share in (1 / 3, 2 / 3):
            self.box(u - w / 2 + w * share - 2, top, 4, h, (220, 224, 226))
        self.box(u - w / 2, top + h / 2 - 2, w, 4, (220, 224, 226))

    def framed_picture(self, u: float, floor_px: float) -> None:
        w, h = self.rng.uniform(35, 80), self.rng.uniform(35, 65)
        top = self.rng.uniform(40, 120)
        self.box(u - w / 2, top, w, h, self.wood)
        self.box(u - w / 2 + 4, top + 4, w - 8, h - 8, (225, 230, 232))
        for _ in range(5):
            a, b = self.rng.uniform(0.15, 0.65, 2)
            self.box(u - w / 2 + a * w, top + b * h, 0.22 * w, 0.18 * h, self.rng.uniform(40, 220, 3))

    def shelf(self, u: float, floor_px: float) -> None:
        w, boards = self.rng.uniform(90, 150), int(self.rng.integers(3, 6))
        top = self.rng.uniform(60, 120)
        self.box(u - w / 2, top, w, floor_px - top, tuple(0.55 * c for c in self.wood))
        pitch = (floor_px - top) / boards
        for board in range(boards):
            base, at = top + (board + 1) * pitch, u - w / 2 + 5
            while at < u + w / 2 - 10:
                thick, tall = self.rng.uniform(3, 10), pitch * self.rng.uniform(0.5, 0.85)
                if self.rng.random() < 0.8:
                    self.box(at, base - tall, thick, tall, self.rng.uniform(30, 190, 3))
                at += thick + 0.5
            self.box(u - w / 2, base - 3, w, 4, self.wood)

    def door(self, u: float, floor_px: float) -> None:
        w, top = self.rng.uniform(85, 105), self.rng.uniform(35, 60)
        colour = _varied(self.rng, WOODS_BGR)
        self.box(
            u - w / 2 - 5, top - 5, w + 10, floor_px - top + 5, tuple(min(255.0, 1.25 * c) for c in colour)
        )
        self.box(u - w / 2, top, w, floor_px - top, colour)
        self.box(u + w / 2 - 14, top + 0.55 * (floor_px - top), 8, 3, (190, 200, 205))

    def plant(self, u: float, floor_px: float) -> None:
        self.polygon(
            [
                (u - 14, floor_px - 24),
                (u + 14, floor_px - 24),
                (u + 10, floor_px + 6),
                (u - 10, floor_px + 6),
            ],
            (70, 90, 150),
        )
        for _ in range(26):
            reach, lean = self.rng.uniform(25, 75), self.rng.uniform(-1.1, 1.1)
            tip = (u + reach * np.sin(lean), floor_px - 24 - reach * np.cos(lean))
            green = (self.rng.uniform(30, 70), self.rng.uniform(80, 140), self.rng.uniform(30, 80))
            self.line((u, floor_px - 24), tip, int(self.rng.integers(2, 6)), green)

    def box(self, left: float, top: float, width: float, height: float, colour: object) -> None:
        right, bottom = left + width, top + height
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def polygon(self, points: list[tuple[float, float]], colour: object) -> None:
        corners = np.round(np.array(points) * OVERSAMPLING).astype(np.int32)
        cv2.fillPoly(self.image, [corners], [float(c) for c in colour])  # type: ignore[attr-defined]

    def line(self, start: tuple[float, float], end: tuple[float, float], thick: int, colour: object) -> None:
        ends = [tuple(round(x * OVERSAMPLING) for x in point) for point in (start, end)]
        colours = [float(c) for c in colour]  # type: ignore[attr-defined]
        cv2.line(self.image, ends[0], ends[1], colours, thick * OVERSAMPLING // 2, cv2.LINE_AA)

    def finished(self) -> np.ndarray:
        small = cv2.resize(self.image, (self.width, self.height), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), 1.1)  # behind the plane in focus
        return soft * (1 + 0.014 * _smooth_noise(self.rng, self.width, self.height, 6)[..., None])


def _table(rng: np.random.Generator, width: int, height: int, table_px: float) -> np.ndarray:
    colour = np.array(_varied(rng, WOODS_BGR)) / 255
    layer = np.zeros((height, width, 3), np.float32)
    top = int(np.clip(table_px, 0, height - 1))
    rows = np.arange(height)[top:, None]
    grain = _smooth_noise(rng, width, height, 3)[top:] * 0.03 + np.sin(rows * 0.9 + 3 * rng.random()) * 0.012
    shade = 1.12 - 0.25 * (rows - top) / max(1, height - top)
    layer[top:] = np.clip((shade * (1 + grain))[..., None] * colour, 0, 1)
    layer[top : top + 3] *= 0.7
    for _ in range(rng.integers(1, 4)):  # paper and cups
        u, v = rng.uniform(0.05, 0.95) * width, top + rng.uniform(0.25, 0.8) * (height - top)
        if rng.random() < 0.5:
            paper = cv2.boxPoints(((u, v), (70, 30), float(rng.uniform(-20, 20))))
            cv2.fillPoly(layer, [paper.astype(np.int32)], (0.85, 0.87, 0.88), cv2.LINE_AA)
        else:
            shade_of_cup = [float(c) for c in rng.uniform(0.2, 0.9, 3)]
            cv2.rectangle(layer, (int(u) - 8, int(v) - 22), (int(u) + 8, int(v)), shade_of_cup, cv2.FILLED)
            cv2.ellipse(layer, (int(u), int(v) - 22), (8, 3), 0, 0, 360, (0.1, 0.1, 0.15), cv2.FILLED)
    return layer[top:]


def _light(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    u, v = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    at_u, at_v = rng.uniform(-1, 1), rng.uniform(-1, 0.2)
    distance = np.hypot(u - at_u, v - at_v)
    return rng.uniform(0.85, 1.1) * (1.05 - 0.22 * distance)


def _smooth_noise(rng: np.random.Generator, width: int, height: int, scale_px: int) -> np.ndarray:
    coarse = rng.standard_normal((height // scale_px + 2, width // scale_px + 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _varied(rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]) -> tuple[float, ...]:
    chosen = np.array(colours[int(rng.integers(len(colours)))], float)
    return tuple(float(c) for c in np.clip(chosen + rng.uniform(-18, 18) + rng.uniform(-8, 8, 3), 0, 255))
