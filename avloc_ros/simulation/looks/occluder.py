"""Things that come between the camera and a face: they pass by, or rise before it and sink again."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from avloc_ros.simulation.looks.picture import paste
from avloc_ros.simulation.looks.soft_region import SoftRegion
from avloc_ros.simulation.looks.trouble import Span

RISE_FRAMES = 8  # how long a thing takes to come up before a face
HIDING_SHARE = 0.5  # of the face's box


@dataclass(frozen=True)
class Occluder:
    """A drawn thing of width_px x height_px whose centre starts at (u_px, v_px) and moves.

    speed_px: columns per frame; 0 is a thing that rises from below the picture to its place and sinks at the end of the
    span. seed: of its colours.
    """

    u_px: float
    v_px: float
    width_px: int
    height_px: int
    speed_px: float
    round: bool
    seed: int
    picture_height: int
    span: Span
    kind: ClassVar[str] = "occluded"

    def centre(self, frame: int) -> tuple[float, float]:
        """Where its middle is in a frame of the span."""
        since, left = frame - self.span.first, self.span.end - 1 - frame
        if self.speed_px:
            return self.u_px + self.speed_px * since, self.v_px
        raised = float(np.clip(min(since, left) / RISE_FRAMES, 0.0, 1.0))
        below = self.picture_height + self.height_px / 2
        return self.u_px, below + (self.v_px - below) * raised * raised * (3 - 2 * raised)

    def apply(self, image: np.ndarray, frame: int) -> None:
        if frame not in self.span:
            return
        u, v = self.centre(frame)
        paste(image, _drawn(self), round(u - self.width_px / 2), round(v - self.height_px / 2))

    def covered_share(self, box: np.ndarray, frame: int) -> float:
        """The share of a face's box (left, top, width, height) that lies behind it."""
        if frame not in self.span:
            return 0.0
        u, v = self.centre(frame)
        place = SoftRegion(
            u - self.width_px / 2, v - self.height_px / 2, self.width_px, self.height_px, self.round, 0.5
        )
        steps = (np.arange(8) + 0.5) / 8
        points_u, points_v = np.meshgrid(box[0] + box[2] * steps, box[1] + box[3] * steps)
        return float(np.mean(place.weight(points_u, points_v) > 0.5))

    def hides(self, box: np.ndarray, frame: int, talker: int) -> bool:
        return self.covered_share(box, frame) >= HIDING_SHARE

    def describe(self, width: int, height: int) -> dict[str, Any]:
        way = self.speed_px * (self.span.end - 1 - self.span.first)
        left = min(self.u_px, self.u_px + way) - self.width_px / 2
        swept = SoftRegion(left, self.v_px - self.height_px / 2, abs(way) + self.width_px, self.height_px)
        size = {"width_px": self.width_px, "height_px": self.height_px}
        return {
            "region": swept.in_picture(width, height),
            "object": size | {"speed_px_per_frame": round(self.speed_px, 3), "round": self.round},
        }


@functools.lru_cache(maxsize=8)
def _drawn(thing: Occluder) -> np.ndarray:
    """Premultiplied float32 (rows, columns, 4): one colour, shaded, with a few stripes of another."""
    rng = np.random.default_rng(thing.seed)
    rows, cols = thing.height_px, thing.width_px
    colour, stripe = rng.uniform(0.08, 0.85, 3), rng.uniform(0.05, 0.9, 3)
    picture: np.ndarray = np.ones((rows, cols, 3)) * colour
    for row in rng.integers(0, rows, 4):
        picture[row : row + int(rng.integers(2, 2 + max(1, rows // 8)))] = stripe
    left, right = rng.uniform(0.6, 1.1, 2)
    shade = np.linspace(left, right, cols)[None, :, None]
    picture = cv2.GaussianBlur(picture * shade + 0.02 * rng.standard_normal((rows, cols, 3)), (0, 0), 0.7)
    alpha: np.ndarray = np.zeros((rows, cols), np.float32)
    if thing.round:
        cv2.ellipse(alpha, (cols // 2, rows // 2), (cols // 2 - 1, rows // 2 - 1), 0, 0, 360, 1.0, cv2.FILLED)
    else:
        alpha[1:-1, 1:-1] = 1.0
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8)[..., None]
    return np.concatenate([np.clip(picture, 0, 1) * alpha, alpha], axis=-1).astype(np.float32)
