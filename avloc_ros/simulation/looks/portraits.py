"""Two public-domain portraits (in scikit-image and matplotlib) cut out and given a moving mouth, for the demo."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from avloc_ros.types import InputError

FACE_PX = 100.0  # width of a face in the prepared portrait: about twice what the picture will show
OPENING_STEPS = 12
MOUTH_DARK = np.array([0.13, 0.11, 0.26], np.float32)


@dataclass(frozen=True)
class PortraitMarks:
    """Where things are in the original photograph, in pixels (measured once with YuNet), and which part is the person.

    box: left, top, width, height of the face. mouth: its corners. body: outline of what may be the person;
    core: outlines of what surely is.
    """

    box: tuple[float, float, float, float]
    mouth: tuple[tuple[float, float], tuple[float, float]]
    body: tuple[tuple[int, int], ...]
    core: tuple[tuple[tuple[int, int], ...], ...]


COLLINS = PortraitMarks(
    box=(178.1, 65.0, 91.4, 111.4),
    mouth=((204.0, 143.1), (242.9, 143.7)),
    body=(
        (150, 25), (200, 8), (262, 12), (306, 60), (310, 120), (295, 170), (318, 215), (318, 262), (352, 300), (372, 350),
        (430, 335), (500, 390), (511, 430), (511, 511), (15, 511), (15, 400), (40, 270), (95, 205), (125, 150), (145, 100),
    ),
    core=(
        ((190, 50), (250, 40), (275, 90), (262, 150), (250, 190), (200, 190), (185, 150), (172, 100)),
        ((128, 172), (150, 157), (190, 162), (255, 165), (290, 200), (300, 240), (285, 275), (230, 285), (165, 265), (130, 220)),
        (
            (95, 245), (150, 262), (230, 290), (300, 280), (340, 330), (310, 390), (400, 380),
            (470, 460), (470, 511), (40, 511), (40, 300),
        ),
    ),
)  # fmt: skip
HOPPER = PortraitMarks(
    box=(177.4, 123.4, 178.2, 212.3),
    mouth=((229.8, 274.0), (304.4, 272.3)),
    body=(
        (153, 92), (172, 70), (182, 42), (210, 22), (290, 22), (345, 50), (352, 75), (372, 92), (376, 180), (374, 240),
        (350, 310), (420, 340), (498, 385), (511, 440), (511, 599), (12, 599), (20, 440), (48, 378), (150, 335), (190, 315),
        (162, 290), (154, 235), (155, 180),
    ),
    core=(
        ((185, 60), (330, 60), (350, 150), (345, 260), (310, 330), (210, 330), (185, 250), (170, 150)),
        ((220, 340), (310, 340), (420, 370), (480, 420), (490, 599), (40, 599), (55, 420), (120, 370)),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Portrait:
    """A cut-out person. picture: float32 (rows, columns, 4), premultiplied BGR and alpha. Pixels of this picture.

    box: left, top, width, height of the face; mouth: its two corners.
    """

    name: str
    picture: np.ndarray
    box: np.ndarray
    mouth: np.ndarray
    openings: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def face_centre(self) -> np.ndarray:
        return self.box[:2] + self.box[2:] / 2

    def speaking(self, openness: float) -> np.ndarray:
        """The picture with the mouth opened, in steps: 0 is shut as photographed, 1 wide open."""
        step = round(openness * OPENING_STEPS)
        if step not in self.openings:
            self.openings[step] = open_mouth(self.picture, self.box, self.mouth, step / OPENING_STEPS)
        return self.openings[step]


@functools.lru_cache(maxsize=1)
def load_portraits() -> tuple[Portrait, Portrait]:
    """Eileen Collins (scikit-image's astronaut) and Grace Hopper (matplotlib's sample data)."""
    import matplotlib
    from skimage import data

    astronaut = np.ascontiguousarray(data.astronaut()[..., ::-1])
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    hopper = cv2.imread(str(path))
    if hopper is None:
        raise InputError(f"no photograph at {path}: this matplotlib came without its sample data")
    return _prepared("collins", astronaut, COLLINS), _prepared("hopper", hopper, HOPPER)


def open_mouth(picture: np.ndarray, box: np.ndarray, mouth: np.ndarray, openness: float) -> np.ndarray:
    """Lower lip and jaw moved down, the gap filled with dark, on float32 (rows, columns, 4)."""
    if openness < 0.02:
        return picture
    middle, half_width = mouth.mean(axis=0), np.ptp(mouth[:, 0]) / 2
    drop = 0.10 * box[3] * openness
    first, end = int(middle[1] - 4), int(min(len(picture), middle[1] + 0.55 * box[3]))
    v, u = np.mgrid[first:end, 0 : picture.shape[1]].astype(np.float32)
    below = np.clip((v - middle[1]) / (end - first), 0, 1)
    lips = np.exp(-0.5 * ((u - middle[0]) / (1.1 * half_width)) ** 2)
    jaw = np.where(v > middle[1], (1 - below) ** 1.5, 0.0)
    moved = cv2.remap(
        picture,
        u,
        v - (drop * lips * jaw).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    out = picture.copy()
    out[first:end] = moved
    gap = np.zeros(out.shape[:2], np.float32)
    centre = (round(float(middle[0]) * 8), round(float(middle[1] + drop / 2) * 8))
    axes = (round(float(half_width) * 0.62 * 8), max(1, round(float(drop) * 0.55 * 8)))
    cv2.ellipse(gap, centre, axes, 0, 0, 360, 1.0, cv2.FILLED, cv2.LINE_AA, 3)
    gap = cv2.GaussianBlur(gap, (0, 0), 1.2)[..., None]
    out[..., :3] = out[..., :3] * (1 - gap) + gap * MOUTH_DARK
    return out


def _prepared(name: str, photograph: np.ndarray, marks: PortraitMarks) -> Portrait:
    scale = FACE_PX / marks.box[2]
    small = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    alpha = _person(small, marks, scale)
    picture = np.concatenate([small.astype(np.float32) / 255 * alpha[..., None], alpha[..., None]], axis=-1)
    extended = np.concatenate([picture[:-8], _clothes(picture[-9:-8], round(1.5 * FACE_PX))], axis=0)
    return Portrait(name, extended, np.array(marks.box) * scale, np.array(marks.mouth) * scale)


def _clothes(row: np.ndarray, height: int) -> np.ndarray:
    """What the photograph's lower edge (1, columns, 4) may go on like, in one colour: (height, columns, 4)."""
    colour = np.median(row[row[..., 3] > 0.99][:, :3], axis=0)
    return np.repeat(np.concatenate([colour * row[..., 3:], row[..., 3:]], axis=-1), height, axis=0)


def _person(image: np.ndarray, marks: PortraitMarks, scale: float) -> np.ndarray:
    """Soft matte of the person: GrabCut (Rother et al. 2004) inside an outline, float32 (rows, columns) in [0, 1]."""
    mask = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.fillPoly(mask, [_scaled(marks.body, scale)], cv2.GC_PR_FGD)
    cv2.fillPoly(mask, [_scaled(outline, scale) for outline in marks.core], cv2.GC_FGD)
    cv2.setRNGSeed(0)  # its colour clusters start at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(
        image, mask, (0, 0, 1, 1), *models, 4, cv2.GC_INIT_WITH_MASK
    )  # the rectangle is not used with a mask
    person = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outlines, _ = cv2.findContours(person, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(person), [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    soft = cv2.GaussianBlur(cv2.erode(filled, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.2)
    return np.clip(soft, 0, 1)


def _scaled(points: tuple[tuple[int, int], ...], scale: float) -> np.ndarray:
    return np.round(np.array(points) * scale).astype(np.int32)
