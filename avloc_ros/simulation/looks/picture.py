"""Putting talkers into the room: size by distance, place by direction, torso, table, trouble of the eye, camera noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.geometry import CameraModel, direction_from_angles
from avloc_ros.simulation.looks.backdrop import Room
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.looks.trouble import VisualTrouble

FACE_WIDTH_M = 0.15
TORSO_M = 0.9  # how far clothes are continued below the clip's lower edge
NEAREST_DEPTH_M = 0.3
NECKLINE_PX = 6  # rows over which the clip's lower edge runs out into the clothes


@dataclass(frozen=True)
class View:
    """One talker in one picture: uint8 (rows, columns, 4), premultiplied BGR and alpha, and where its corner lies.

    box: left, top, width, height of the face in pixels of the scene's picture.
    """

    picture: np.ndarray
    left: int
    top: int
    box: np.ndarray


class ScaledClip:
    """The pictures of a clip at another size, uint8 (rows, columns, 4) by clip frame: made when first asked for, since a
    scene shows only some of them."""

    def __init__(self, cut_outs: np.ndarray, size: tuple[int, int], torso_px: int) -> None:
        self._cut_outs, self._size, self._torso_px = cut_outs, size, torso_px
        self._made: dict[int, np.ndarray] = {}

    def __getitem__(self, frame: int) -> np.ndarray:
        if frame not in self._made:
            self._made[frame] = scaled_cut_out(self._cut_outs[frame], self._size, self._torso_px)
        return self._made[frame]


@dataclass(frozen=True)
class Figure:
    """A talker's clip scaled and placed. left, top: of the pictures' corner.

    boxes: (clip frames, 4) left, top, width, height of the face in picture pixels.
    """

    pictures: ScaledClip
    left: int
    top: int
    boxes: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """(clip frames, 2) u, v of the face."""
        return self.boxes[:, :2] + self.boxes[:, 2:] / 2

    def view(self, clip_frame: int) -> View:
        """How it looks in one frame of the clip."""
        return View(self.pictures[clip_frame], self.left, self.top, self.boxes[clip_frame])


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
    size, torso_px = figure_size(clip, camera, depth_m)
    boxes = clip.boxes * np.tile(size / np.array(clip.cut_outs.shape[2:0:-1]), 2)
    middle = (boxes[:, :2] + boxes[:, 2:] / 2).mean(axis=0)
    left, top = round(u - middle[0]), round(v - middle[1])
    return Figure(ScaledClip(clip.cut_outs, size, torso_px), left, top, boxes + [left, top, 0, 0])


def figure_size(clip: TalkerClip, camera: CameraModel, depth_m: float) -> tuple[tuple[int, int], int]:
    """(width, height) in pixels that a clip's pictures have at a depth, so that the face is FACE_WIDTH_M wide; torso below."""
    pixels_per_metre = camera.fx / max(depth_m, NEAREST_DEPTH_M)
    scale = FACE_WIDTH_M * pixels_per_metre / clip.boxes[:, 2].mean()
    rows, cols = clip.cut_outs.shape[1:3]
    size = max(2, round(cols * scale)), max(2, round(rows * scale / clip.pixel_aspect))
    return size, round(TORSO_M * pixels_per_metre)


def scaled_cut_out(cut_out: np.ndarray, size: tuple[int, int], torso_px: int) -> np.ndarray:
    """A cut-out (rows, columns, 4) at another size, with clothes below its lower edge."""
    return _with_torso(cv2.resize(cut_out, size, interpolation=cv2.INTER_AREA), torso_px)


def table_row(camera: CameraModel, boxes: list[np.ndarray]) -> float:
    """Where the table's far edge runs: 0.5 m below the largest face and below every face, or low in an empty picture.

    boxes: the faces of each talker, (frames, 4) each: left, top, width, height.
    """
    if not boxes:
        return 0.78 * camera.height
    largest = max(boxes, key=lambda faces: faces[:, 2].mean())
    pixels_per_metre = largest[:, 2].mean() / FACE_WIDTH_M
    row = (largest[:, 1] + largest[:, 3] / 2).mean() + 0.5 * pixels_per_metre
    lowest = max((faces[:, 1] + faces[:, 3]).max() for faces in boxes)
    return float(min(max(row, lowest), 0.9 * camera.height))


def render(
    room: Room, views: list[View], troubles: Sequence[VisualTrouble], frame: int, noise: np.ndarray
) -> np.ndarray:
    """One picture: uint8 (rows, columns, 3), BGR. views: far ones first; frame: of the scene, for the trouble.

    noise: float32 (rows, columns, 3), added last, also in the dark.
    """
    image = room.background.copy()
    for view in views:
        paste(image[: room.table_row], view.picture, view.left, view.top)  # the table hides the rest
    image[room.table_row :] = room.table
    for trouble in troubles:
        trouble.apply(image, frame)
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
    """Put a premultiplied layer (rows, columns, 4) over the image (rows, columns, 3), in place; it may stand out.

    layer: float32 in [0, 1], or uint8, of which only what is seen is converted.
    """
    rows, cols = image.shape[:2]
    first_row, first_col = max(0, top), max(0, left)
    end_row, end_col = min(rows, top + layer.shape[0]), min(cols, left + layer.shape[1])
    if first_row >= end_row or first_col >= end_col:
        return
    part = layer[first_row - top : end_row - top, first_col - left : end_col - left]
    if part.dtype == np.uint8:
        part = part.astype(np.float32) / 255
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
    torso = np.empty((torso_px, *row.shape))  # (rows, columns, 4)
    torso[NECKLINE_PX:] = row
    blend = np.clip(depth[:NECKLINE_PX] * torso_px / NECKLINE_PX, 0, 1)
    torso[:NECKLINE_PX] = (1 - blend) * lowest + blend * row
    torso[..., :3] *= 1.0 - 0.35 * depth
    return np.concatenate([picture[:-1], torso.astype(np.uint8)], axis=0)
