"""How a talker looks in each frame of a scene: standing in one place, or walking, and sometimes turned away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.simulation.looks.back_of_head import with_back_of_head
from avloc_ros.simulation.looks.picture import NEAREST_DEPTH_M, Figure, View, figure_size, scaled_cut_out
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.looks.trouble import Turned


class Appearance(Protocol):
    """A talker's face and figure per frame of the scene."""

    def box(self, frame: int) -> np.ndarray | None:
        """Left, top, width, height of the face in pixels, also beside the picture; None far outside of it."""

    def view(self, frame: int) -> View | None:
        """What is drawn."""


@dataclass(frozen=True)
class Standing:
    """A figure in its place; shown (frames,): the frame of the clip in each frame of the scene."""

    figure: Figure
    shown: np.ndarray

    def box(self, frame: int) -> np.ndarray | None:
        return self.figure.boxes[self.shown[frame]]

    def view(self, frame: int) -> View | None:
        return self.figure.view(int(self.shown[frame]))


@dataclass(frozen=True)
class Walking:
    """A clip scaled and placed anew for each frame: its mean face centre lies where the talker is, places_m (frames, 3)."""

    clip: TalkerClip
    camera: CameraModel
    places_m: np.ndarray
    shown: np.ndarray

    def box(self, frame: int) -> np.ndarray | None:
        placed = self._placed(frame)
        if placed is None:
            return None
        size, _, corner = placed
        scale = size / np.array(self.clip.cut_outs.shape[2:0:-1])
        return self.clip.boxes[self.shown[frame]] * np.tile(scale, 2) + [*corner, 0, 0]

    def view(self, frame: int) -> View | None:
        placed, box = self._placed(frame), self.box(frame)
        if placed is None or box is None:
            return None
        size, torso_px, corner = placed
        picture = scaled_cut_out(self.clip.cut_outs[self.shown[frame]], size, torso_px)
        return View(picture, *corner, box)

    def _placed(self, frame: int) -> tuple[tuple[int, int], int, tuple[int, int]] | None:
        """Size, length of the torso, and the corner (left, top) of the picture of this frame."""
        point = self.places_m[frame]
        (u, v), _ = self.camera.project(point)
        depth_m = float(((point - self.camera.position_m) @ self.camera.rotation)[0])
        if (
            not np.isfinite(u)
            or depth_m < NEAREST_DEPTH_M
            or not -self.camera.width < u < 2 * self.camera.width
        ):
            return None
        size, torso_px = figure_size(self.clip, self.camera, depth_m)
        middles = self.clip.boxes[:, :2] + self.clip.boxes[:, 2:] / 2
        middle = middles.mean(axis=0) * size / np.array(self.clip.cut_outs.shape[2:0:-1])
        return size, torso_px, (round(float(u - middle[0])), round(float(v - middle[1])))


@dataclass(frozen=True)
class Turning:
    """Any appearance, with the back of the head shown for a time."""

    facing: Appearance
    turned: Turned

    def box(self, frame: int) -> np.ndarray | None:
        return self.facing.box(frame)

    def view(self, frame: int) -> View | None:
        view = self.facing.view(frame)
        if view is None or frame not in self.turned.span:
            return view
        box = view.box - [view.left, view.top, 0, 0]
        return replace(view, picture=with_back_of_head(view.picture, box, self.turned.share(frame)))


def stands_before(box: np.ndarray, other: np.ndarray) -> bool:
    """Whether a nearer talker, with the face at `box`, hides the face at `other` (left, top, width, height each).

    The nearer one is a head a third larger than the face and a body three faces wide below it; a face is hidden when its
    centre is.
    """
    u, v = other[0] + other[2] / 2, other[1] + other[3] / 2
    across, down = (u - box[0] - box[2] / 2) / box[2], (v - box[1] - box[3] / 2) / box[3]
    in_head = np.hypot(across / 0.65, (down + 0.05) / 0.7) < 1
    in_body = abs(across) < 1.3 and down > 0.75
    return bool(in_head or in_body)
