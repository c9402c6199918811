"""Small drawn pictures of what makes a sound: people, a telephone, a door, a bell, a tap, a guitar, clapping hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

SIDE_PX = 64  # of a sprite
PHASES = 4  # pictures of one movement; 0 is at rest
Colour = tuple[int, int, int, int]  # blue, green, red, alpha
SKINS: tuple[Colour, ...] = (
    (205, 220, 250, 255), (150, 185, 235, 255), (105, 145, 205, 255), (60, 95, 150, 255), (45, 65, 105, 255),
)  # fmt: skip
DARK: Colour = (25, 25, 30, 255)


@dataclass(frozen=True)
class Look:
    """What one thing looks like, drawn once: skin, hair or material, clothes or trim, and a shape factor in [0, 1]."""

    skin: Colour
    hair: Colour
    cloth: Colour
    shape: float

    @staticmethod
    def drawn(random: np.random.Generator) -> Look:
        """A random look."""
        colours = [(*map(int, random.integers(20, 235, 3)), 255) for _ in range(2)]
        hair, cloth = ((c[0], c[1], c[2], c[3]) for c in colours)
        return Look(SKINS[int(random.integers(len(SKINS)))], hair, cloth, float(random.random()))


def sprite(class_name: str, look: Look, phase: int) -> np.ndarray:
    """float32 (SIDE_PX, SIDE_PX, 4), BGR premultiplied by alpha, in [0, 1]. The sound comes from its middle.

    Raises KeyError for a class that has no picture (`SIZES_M` names those that have).
    """
    canvas = np.zeros((SIDE_PX, SIDE_PX, 4), np.uint8)
    DRAWERS[class_name](canvas, look, phase % PHASES)
    picture = canvas.astype(np.float32) / 255
    picture[..., :3] *= picture[..., 3:]
    return picture


def _person(long_hair: bool, laughs: bool) -> Callable[[np.ndarray, Look, int], None]:
    def draw(canvas: np.ndarray, look: Look, phase: int) -> None:
        bob = (0, 2, 4, 2)[phase] if laughs else 0
        if long_hair:
            cv2.ellipse(canvas, (32, 30 - bob), (17, 25), 0, 0, 360, look.hair, -1, cv2.LINE_AA)
        cv2.ellipse(canvas, (32, 70 - bob), (27, 19), 0, 0, 360, look.cloth, -1, cv2.LINE_AA)
        cv2.ellipse(canvas, (32, 29 - bob), (12 + round(2 * look.shape), 18), 0, 0, 360, look.skin, -1, cv2.LINE_AA)
        cv2.ellipse(canvas, (32, 15 - bob), (14, 8), 0, 150, 390, look.hair, -1, cv2.LINE_AA)
        for column in (26, 38):
            cv2.circle(canvas, (column, 25 - bob), 2, DARK, -1, cv2.LINE_AA)
        opening = (1, 4, 7, 3)[phase]
        width = 8 if laughs else 5
        inside = (240, 240, 245, 255) if laughs and phase else (40, 30, 110, 255)
        cv2.ellipse(canvas, (32, 37 - bob), (width, opening), 0, 0, 360, inside, -1, cv2.LINE_AA)

    return draw


def _telephone(canvas: np.ndarray, look: Look, phase: int) -> None:
    shift = (0, -4, 0, 4)[phase]
    cv2.rectangle(canvas, (20 + shift, 8), (44 + shift, 56), DARK, -1)
    screen = (250, 240, 200, 255) if phase else (80, 70, 60, 255)
    cv2.rectangle(canvas, (23 + shift, 13), (41 + shift, 48), screen, -1)
    if phase:
        cv2.circle(canvas, (32 + shift, 30), 6, (60, 190, 60, 255), -1, cv2.LINE_AA)


def _door(canvas: np.ndarray, look: Look, phase: int) -> None:
    cv2.rectangle(canvas, (12, 0), (52, 63), (30, 40, 50, 255), -1)
    open_px = (0, 9, 18, 9)[phase]
    cv2.rectangle(canvas, (14, 2), (50 - open_px, 62), look.cloth, -1)
    cv2.rectangle(canvas, (20, 8), (max(21, 44 - open_px), 26), look.hair, 1)
    cv2.circle(canvas, (46 - open_px, 34), 2, (60, 210, 235, 255), -1, cv2.LINE_AA)


def _bell(canvas: np.ndarray, look: Look, phase: int) -> None:
    swing = (0, -6, 0, 6)[phase]
    outline = [(26 + swing, 12), (38 + swing, 12), (44, 40), (52 - swing // 2, 50), (12 - swing // 2, 50), (20, 40)]
    cv2.fillPoly(canvas, [np.array(outline, np.int32)], (40, 190, 235, 255), cv2.LINE_AA)
    cv2.circle(canvas, (32 - 2 * swing, 54), 5, (20, 110, 150, 255), -1, cv2.LINE_AA)


def _tap(canvas: np.ndarray, look: Look, phase: int) -> None:
    steel = (190, 180, 170, 255)
    cv2.rectangle(canvas, (8, 48), (58, 62), (235, 235, 235, 255), -1)
    cv2.rectangle(canvas, (14, 16), (22, 48), steel, -1)
    cv2.rectangle(canvas, (14, 14), (42, 22), steel, -1)
    cv2.rectangle(canvas, (36, 18), (42, 28), steel, -1)
    if phase:
        cv2.rectangle(canvas, (36 + phase % 2, 28), (42, 48), (250, 215, 150, 255), -1)


def _guitar(canvas: np.ndarray, look: Look, phase: int) -> None:
    wood = (40 + round(40 * look.shape), 95, 180, 255)
    cv2.line(canvas, (34, 30), (58, 5), (30, 50, 80, 255), 4, cv2.LINE_AA)
    cv2.circle(canvas, (20, 44), 15, wood, -1, cv2.LINE_AA)
    cv2.circle(canvas, (32, 32), 11, wood, -1, cv2.LINE_AA)
    cv2.circle(canvas, (26, 38), 5, DARK, -1, cv2.LINE_AA)
    hand = ((14, 28), (20, 36), (30, 46), (24, 42))[phase]
    cv2.circle(canvas, hand, 6, look.skin, -1, cv2.LINE_AA)


def _hands(canvas: np.ndarray, look: Look, phase: int) -> None:
    apart = (14, 8, 1, 8)[phase]
    for side in (-1, 1):
        cv2.ellipse(canvas, (32 + side * (6 + apart), 30), (7, 16), 12 * side, 0, 360, look.skin, -1, cv2.LINE_AA)
        start, end = (32 + side * (6 + apart), 44), (32 + side * 24, 63)
        cv2.line(canvas, start, end, look.cloth, 9, cv2.LINE_AA)


DRAWERS: dict[str, Callable[[np.ndarray, Look, int], None]] = {
    "female_speech": _person(True, False),
    "male_speech": _person(False, False),
    "laughter": _person(False, True),
    "clapping": _hands,
    "telephone": _telephone,
    "door": _door,
    "bell": _bell,
    "water_tap": _tap,
    "musical_instrument": _guitar,
}
# How large each is: its side in metres. Hand-held things are drawn larger than life, to be seen at 224 pixels.
SIZES_M: dict[str, float] = {
    "female_speech": 0.6, "male_speech": 0.6, "laughter": 0.6, "clapping": 0.5, "telephone": 0.35, "door": 1.2, "bell": 0.45,
    "water_tap": 0.5, "musical_instrument": 0.7,
}  # fmt: skip
