"""Pictures with drawn faces of many sizes and tones, from which int8 quantization learns its value ranges.

Drawn, not photographed: every machine then makes the same int8 network, with nothing to install or to license. On
photographs the result finds as many faces as one calibrated on photographs (docs/faces.md).
"""

from __future__ import annotations

import cv2
import numpy as np

SEED = 2024
SKIN_TONES = (60, 120, 190)  # red of the drawing, 0 to 255
FACE_HEIGHTS_PX = (14, 20, 28, 40, 60, 90)
PORTRAIT_TO_FACE = 3.5  # the drawing is this many times as high as its face
BRIGHTNESS = (1.0, 1.0, 0.35, 1.4)


def calibration_pictures(width: int, height: int, count: int) -> list[np.ndarray]:
    """`count` BGR pictures (height, width, 3): faces on coloured noise; of four one is dark, one bright, one blurred."""
    random = np.random.default_rng(SEED)
    portraits = [drawn_portrait(tone) for tone in SKIN_TONES]
    return [_composite(random, portraits, width, height, index) for index in range(count)]


def drawn_portrait(tone: int) -> np.ndarray:
    """A plain drawing of head and shoulders (300, 300, 3) that face networks take for a face; tone: of the skin."""
    picture = np.full((300, 300, 3), (150, 140, 120), np.uint8)
    skin, dark = (int(tone * 0.75), int(tone * 0.85), tone), (25, 25, 30)
    cv2.ellipse(picture, (150, 330), (120, 120), 0, 0, 360, (110, 60, 40), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (135, 150), (165, 230), skin, -1)
    cv2.ellipse(picture, (150, 118), (40, 50), 0, 0, 360, dark, -1, cv2.LINE_AA)  # hair
    cv2.ellipse(picture, (150, 135), (33, 42), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for eye in (137, 163):
        cv2.ellipse(picture, (eye, 128), (6, 3), 0, 0, 360, (240, 240, 240), -1, cv2.LINE_AA)
        cv2.circle(picture, (eye, 128), 3, dark, -1, cv2.LINE_AA)
        cv2.ellipse(picture, (eye, 119), (8, 3), 0, 180, 360, dark, 2, cv2.LINE_AA)
    cv2.ellipse(picture, (150, 145), (4, 6), 0, 0, 180, dark, 1, cv2.LINE_AA)
    cv2.ellipse(picture, (150, 158), (12, 5), 0, 0, 180, (60, 60, 150), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.2))


def _composite(
    random: np.random.Generator, portraits: list[np.ndarray], width: int, height: int, index: int
) -> np.ndarray:
    picture = _background(random, width, height)
    for _ in range(4):
        portrait = portraits[int(random.integers(len(portraits)))]
        face_px = FACE_HEIGHTS_PX[int(random.integers(len(FACE_HEIGHTS_PX)))]
        side = min(int(face_px * PORTRAIT_TO_FACE), height, width)
        left, top = int(random.integers(width - side + 1)), int(random.integers(height - side + 1))
        small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
        picture[top : top + side, left : left + side] = small
    if index % 4 == 1:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5))
    return np.clip(picture * BRIGHTNESS[index % 4], 0, 255).astype(np.uint8)


def _background(random: np.random.Generator, width: int, height: int) -> np.ndarray:
    corners = random.integers(0, 256, (2, 2, 3)).astype(np.float32)
    smooth = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    blocks = random.integers(-40, 41, (-(-height // 16), -(-width // 16), 3)).astype(np.float32)
    texture = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.clip(smooth + texture + random.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)
