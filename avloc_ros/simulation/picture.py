"""Putting talkers into the room: size by distance, place by direction, torso, table, darkness, camera noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.geometry import CameraModel, direction_from_angles
from avloc_ros.simulation.backdrop import Room
from avloc_ros.simulation.talker_clip import TalkerClip

FACE_WIDTH_M = 0.15
TORSO_M = 0.9  # how far clothes are continued below the clip's lower edge
EDGE_OF_DARKNESS_PX = 12


@dataclass(frozen=True)
class Figure:
    """A talker's clip scaled and placed. pictures: uint8 (clip frames, rows, columns, 4); left, top: of their corner.

    boxes: (clip frames, 4) left, top, width, height of the face in picture pixels.
    """

    pictures: np.ndarray
    left: int
    top: int
    boxes: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """(clip frames, 2) u, v of the face."""
        return self.boxes[:, :2] + self.boxes[:, 2:] / 2


@dataclass(frozen=True)
class Darkness:
    """Everything on one side of column `edge_px` lies in the dark; gain is what light remains there."""

    edge_px: float
    left_side: bool
    gain: float

    def mask(self, width: int) -> np.ndarray:
        """How dark each column is: (columns,) in [0, 1]."""
        side = 1 if self.left_side else -1
        ramp = 0.5 + side * (self.edge_px - np.arange(width) - 0.5) / EDGE_OF_DARKNESS_PX
        return np.clip(ramp, 0, 1)

    def hides(self, u_px: float) -> bool:
        """Whether a face at this column is not lit."""
        return (u_px < self.edge_px) == self.left_side


def place_figure(
    clip: TalkerClip, camera: CameraModel, azimuth_rad: float, elevation_rad: float, distance_m: float
) -> Figure | None:
    """The clip's mean face centre on the pixel where the direction projects to; None behind the camera.

    The camera's pixels need not be square (fx, fy); faces keep the proportions of the clip, as viewers expect.
    """
    point = direction_from_angles(azimuth_rad, elevation_rad) * distance_m
    (u, v), _ = camera.project(point)
    if not np.isfinite(u) or not -camera.width < u < 2 * camera.width:
        return None
    depth_m = float(((point - camera.position_m) @ camera.rotation)[0])
    scale_u = FACE_WIDTH_M * camera.fx / max(depth_m, 0.3) / clip.boxes[:, 2].mean()
    scale_v = scale_u / clip.pixel_aspect
    rows, cols = clip.cut_outs.shape[1:3]
    size = max(2, round(cols * scale_u)), max(2, round(rows * scale_v))
    scale = np.array([size[0] / cols, size[1] / rows])
    torso_px = round(TORSO_M * camera.fx / max(depth_m, 0.3))
    pictures = np.stack(
        [_with_torso(cv2.resize(x, size, interpolation=cv2.INTER_AREA), torso_px) for x in clip.cut_outs]
    )
    boxes = clip.boxes * np.tile(scale, 2)
    middle = (boxes[:, :2] + boxes[:, 2:] / 2).mean(axis=0)
    left, top = round(u - middle[0]), round(v - middle[1])
    return Figure(pictures, left, top, boxes + [left, top, 0, 0])


def table_row(camera: CameraModel, figures: list[Figure]) -> float:
    """Where the table's far edge runs: 0.5 m below the largest face, or low in an empty picture."""
    if not figures:
        return 0.78 * camera.height
    largest = max(figures, key=lambda figure: figure.boxes[:, 2].mean())
    pixels_per_metre = largest.boxes[:, 2].mean() / FACE_WIDTH_M
    return float(min(largest.centres[:, 1].mean() + 0.5 * pixels_per_metre, 0.9 * camera.height))


def render(
    room: Room, figures: list[tuple[Figure, int]], darkness: Darkness | None, noise: np.ndarray
) -> np.ndarray:
    """One picture: uint8 (rows, columns, 3), BGR. figures: far ones first, each with the clip frame that is shown.

    noise: float32 (rows, columns, 3), added last, also in the dark.
    """
    image = room.background.copy()
    for figure, frame in figures:
        paste(image, figure.pictures[frame].astype(np.float32) / 255, figure.left, figure.top)
    image[room.table_row :] = room.table
    if darkness is not None:
        image *= (1 - (1 - darkness.gain) * darkness.mask(image.shape[1]))[None, :, None].astype(np.float32)
    image += noise
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


class CameraNoise:
    """Noise of the picture: drawn once, then taken from a random place for each picture, which is much faster."""

    def __init__(self, rng: np.random.Generator, width: int, height: int, deviation: float) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.tile = rng.standard_normal((height + 97, width + 97, 3), dtype=np.float32) * deviation

    def next(self) -> np.ndarray:
        """float32 (rows, columns, 3)."""
        row, col = (int(x) for x in self.rng.integers(97, size=2))
        return self.tile[row : row + self.height, col : col + self.width]


def paste(image: np.ndarray, layer: np.ndarray, left: int, top: int) -> None:
    """Put a premultiplied layer (rows, columns, 4) over the image (rows, columns, 3), in place; it may stand out."""
    rows, cols = image.shape[:2]
    first_row, first_col = max(0, top), max(0, left)
    end_row, end_col = min(rows, top + layer.shape[0]), min(cols, left + layer.shape[1])
    if first_row >= end_row or first_col >= end_col:
        return
    part = layer[first_row - top : end_row - top, first_col - left : end_col - left]
    place = image[first_row:end_row, first_col:end_col]
    place *= 1 - part[..., 3:]
    place += part[..., :3]


def _with_torso(picture: np.ndarray, torso_px: int) -> np.ndarray:
    """Clothes continued below the clip's lower edge, in the colour at its shoulders, darker further down and outwards."""
    lowest = picture[-2].astype(np.float32)  # (columns, 4)
    inside = np.flatnonzero(lowest[:, 3] > 250)
    if len(inside) < 4:
        return picture
    edge = max(1, len(inside) // 5)
    shoulders = np.r_[inside[:edge], inside[-edge:]]
    outwards = np.abs(np.arange(len(lowest)) - inside.mean()) / (0.5 * len(inside))
    clothes = np.median(lowest[shoulders, :3], axis=0) * (1.0 - 0.25 * np.clip(outwards, 0, 1)[:, None] ** 2)
    row = np.concatenate([clothes * lowest[:, 3:] / 255, lowest[:, 3:]], axis=1)
    depth = np.linspace(0.0, 1.0, torso_px, dtype=np.float32)[:, None, None]
    blend = np.clip(depth * torso_px / 6, 0, 1)  # the neckline runs out over six rows
    torso = (1 - blend) * lowest + blend * row
    torso[..., :3] *= 1.0 - 0.35 * depth
    return np.concatenate([picture[:-1], torso.astype(np.uint8)], axis=0)
