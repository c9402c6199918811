"""People who do not exist: one of a hundred small faces, hair, a neck and clothes put together at random.

The faces are those of scikit-image's subset of Labeled Faces in the Wild (Huang et al. 2012), grey, 25 x 25 pixels: as
large as a face is in a small network's picture. They stand in training scenes only, where few people are at hand.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from avloc_ros.simulation.looks.portraits import Portrait
from avloc_ros.simulation.looks.talker_clip import yunet_detector

FACES = 100  # the subset's first pictures; the others show no face
FACE_PX = 60.0  # width of the face in the drawing
MEASURED_AT = 6  # times as large as they are, where YuNet looks at them
MARGIN_PX = 12  # around them, there
WIDTH, HEIGHT = 3.2, 3.4  # of the drawing, in widths of the face
MOUTH_ROW, MOUTH_HALF_WIDTH = 0.71, 0.21  # in heights and widths of the face's box, as in the two portraits
SKIN_BGR = ((0.62, 0.72, 0.90), (0.50, 0.62, 0.82), (0.38, 0.50, 0.70), (0.22, 0.32, 0.48), (0.14, 0.20, 0.32))
HAIR_BGR = ((0.05, 0.05, 0.06), (0.08, 0.13, 0.22), (0.15, 0.25, 0.42), (0.35, 0.55, 0.72), (0.62, 0.62, 0.62))
FRACTION_BITS = 3  # edges of shapes are drawn to an eighth of a pixel
BALD, LONG_HAIR = 0.12, 0.35  # shares of people


@dataclass(frozen=True)
class SmallFace:
    """picture: float32 (25, 25), grey, 0 to 1; box: left, top, width, height of the face in its pixels, as YuNet sees it."""

    picture: np.ndarray
    box: np.ndarray


@dataclass(frozen=True)
class Drawing:
    """A sheet of size (columns, rows) with a face of extent (width, height) around centre (x, y), in pixels."""

    size: tuple[int, int]
    centre: tuple[float, float]
    extent: tuple[float, float]

    def ellipse(self, centre: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
        """1 inside: float32 (rows, columns)."""
        at, axes = ([round(float(v) * 2**FRACTION_BITS) for v in pair] for pair in (centre, radii))
        return cv2.ellipse(self._empty(), at, axes, 0, 0, 360, 1.0, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)

    def rectangle(self, left: float, top: float, right: float, bottom: float) -> np.ndarray:
        """1 inside: float32 (rows, columns)."""
        shape = self._empty()
        shape[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)] = 1
        return shape

    def _empty(self) -> np.ndarray:
        return np.zeros((self.size[1], self.size[0]), np.float32)


@functools.lru_cache(maxsize=2)
def small_faces(face_model: Path) -> tuple[SmallFace, ...]:
    """Those of the hundred faces that YuNet finds. Raises InputError where the model file is missing."""
    from skimage import data

    detect, found = yunet_detector(face_model), []
    for picture in data.lfw_subset()[:FACES].astype(np.float32):
        framed = np.pad(picture, MARGIN_PX, mode="edge")
        large = cv2.resize(framed, None, fx=MEASURED_AT, fy=MEASURED_AT, interpolation=cv2.INTER_CUBIC)
        faces = detect(cv2.cvtColor((np.clip(large, 0, 1) * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))
        if len(faces):
            box = faces[np.argmax(faces[:, 4]), :4] / MEASURED_AT - [MARGIN_PX, MARGIN_PX, 0, 0]
            found.append(SmallFace(picture, box))
    return tuple(found)


def draw_stranger(rng: np.random.Generator, face_model: Path) -> Portrait:
    """Somebody new: a face of the subset in a random skin, with random hair and clothes."""
    faces = small_faces(face_model)
    number = int(rng.integers(len(faces)))
    face = faces[number]
    width, height = FACE_PX, FACE_PX * float(np.clip(face.box[3] / face.box[2], 1.15, 1.55))
    size = round(WIDTH * FACE_PX), round(HEIGHT * FACE_PX)
    centre = size[0] / 2, 0.95 * height
    skin = _between(rng, SKIN_BGR)
    hair = _streaks(rng, _between(rng, HAIR_BGR) * np.float32(rng.uniform(0.7, 1.2)), size)
    picture = np.zeros((size[1], size[0], 4), np.float32)
    for colour, shape in _body(rng, Drawing(size, centre, (width, height)), skin, hair):
        _over(picture, colour, shape)
    _paint_face(picture, face, centre, (width, height), skin)
    if rng.random() > BALD:
        _over(picture, hair, _fringe(rng, Drawing(size, centre, (width, height))))
    box = np.array([centre[0] - width / 2, centre[1] - height / 2, width, height])
    row, half = box[1] + MOUTH_ROW * height, MOUTH_HALF_WIDTH * width
    mouth = np.array([[centre[0] - half, row], [centre[0] + half, row]])
    return Portrait(f"stranger{number:03d}", picture, box, mouth)


def _body(
    rng: np.random.Generator, sheet: Drawing, skin: np.ndarray, hair: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(colour, shape) of what lies behind the face, the hindmost first."""
    (x, y), (width, height) = sheet.centre, sheet.extent
    chin, parts = y + height / 2, []
    if rng.random() < LONG_HAIR:
        half = rng.uniform(0.62, 0.95) * width
        shape = sheet.ellipse((x, y - 0.1 * height), (half, 0.68 * height))
        falling = sheet.rectangle(x - half, y, x + half, chin + rng.uniform(0.0, 0.6) * height)
        parts.append((hair, np.maximum(shape, falling)))
    half = rng.uniform(0.3, 0.42) * width
    parts.append((skin * rng.uniform(0.6, 0.95), sheet.rectangle(x - half, y, x + half, chin + 0.5 * height)))
    half, top = rng.uniform(0.85, 1.45) * width, chin + rng.uniform(-0.05, 0.25) * height
    shape = sheet.ellipse((x, top + 0.5 * height), (half, 0.5 * height))
    below = sheet.rectangle(x - half, top + 0.5 * height, x + half, sheet.size[1])
    parts.append((rng.uniform(0.03, 0.95, 3) ** rng.uniform(0.8, 2.5), np.maximum(shape, below)))
    head = rng.uniform(0.5, 0.58) * width, rng.uniform(0.6, 0.68) * height
    parts.append((skin * rng.uniform(0.75, 1.0), sheet.ellipse((x, y - 0.05 * height), head)))
    return parts


def _paint_face(
    picture: np.ndarray, face: SmallFace, centre: tuple[float, float], extent: tuple[float, float], skin: np.ndarray
) -> None:
    """The small face over the head, in the colour of the skin, without a visible edge."""
    scale = extent[0] / face.box[2], extent[1] / face.box[3]
    middle = face.box[:2] + face.box[2:] / 2 + 0.5  # pixel centres
    matrix = np.array(
        [
            [scale[0], 0, centre[0] - middle[0] * scale[0] + 0.5 * scale[0]],
            [0, scale[1], centre[1] - middle[1] * scale[1] + 0.5 * scale[1]],
        ],
        np.float32,
    )
    size = picture.shape[1], picture.shape[0]
    grey = cv2.warpAffine(face.picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = Drawing(size, centre, extent).ellipse(centre, (0.47 * extent[0], 0.55 * extent[1]))
    level = float(np.median(grey[inside > 0.5]))
    shade = np.clip(grey / max(level, 0.15), 0, 1.8)[..., None] * skin
    _over(picture, np.clip(shade, 0, 1), cv2.GaussianBlur(inside, (0, 0), 0.06 * extent[0]))


def _fringe(rng: np.random.Generator, sheet: Drawing) -> np.ndarray:
    """Hair above the forehead and beside it: a cap without the face."""
    (x, y), (width, height) = sheet.centre, sheet.extent
    cap = sheet.ellipse((x, y - 0.08 * height), (rng.uniform(0.54, 0.68) * width, rng.uniform(0.6, 0.76) * height))
    drop = rng.uniform(-0.08, 0.12) * height
    face = sheet.ellipse((x + rng.uniform(-0.08, 0.08) * width, y + 0.2 * height), (0.53 * width, 0.7 * height - drop))
    cap = np.minimum(cap, 1 - face)
    cap[int(y + rng.uniform(-0.2, 0.35) * height) :] = 0
    return cap


def _between(rng: np.random.Generator, colours: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """A colour between two neighbours of a scale: float32 (3,)."""
    at = rng.uniform(0, len(colours) - 1)
    first = min(int(at), len(colours) - 2)
    share = at - first
    return np.asarray((1 - share) * np.array(colours[first]) + share * np.array(colours[first + 1]), np.float32)


def _streaks(rng: np.random.Generator, colour: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A colour with strands that run down: float32 (rows, columns, 3)."""
    strands = rng.uniform(0.75, 1.25, (6, size[0] // 3)).astype(np.float32)
    return np.clip(cv2.resize(strands, size, interpolation=cv2.INTER_CUBIC)[..., None] * colour, 0, 1)


def _over(picture: np.ndarray, colour: np.ndarray, shape: np.ndarray) -> None:
    """A colour over premultiplied BGR and alpha (rows, columns, 4), in place; shape: 0 to 1."""
    share = cv2.GaussianBlur(shape, (0, 0), 0.8)[..., None]
    picture *= 1 - share
    picture[..., :3] += colour * share
    picture[..., 3:] += share
