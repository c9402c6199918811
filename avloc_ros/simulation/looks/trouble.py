"""Trouble of the eye, local in space and time: what it does to the picture, and whose face it hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np

from avloc_ros.simulation.looks.soft_region import SoftRegion

EDGE_OF_DARKNESS_PX = 12
# Sigma over the width of a face that YuNet finds in less than half of the pictures; at 0.2 it finds none, at 0.1 nearly
# all (faces 20 to 48 pixels wide; docs/scenes.md).
UNRECOGNISABLE_BLUR = 0.16
BLINDING = 0.8  # light added by glare, of full scale, in which no face is left
TURNING_FRAMES = 4  # how long a head takes to turn


@dataclass(frozen=True)
class Span:
    """Frames [first, end)."""

    first: int = 0
    end: int = 1_000_000_000

    def __contains__(self, frame: int) -> bool:
        return self.first <= frame < self.end

    def seconds(self, fps: float, frames: int) -> dict[str, float]:
        """from_s and to_s within a scene of so many frames."""
        return {"from_s": self.first / fps, "to_s": min(self.end, frames) / fps}


ALWAYS = Span()


class VisualTrouble(Protocol):
    """What every trouble of the eye can do. box: left, top, width, height of a face in pixels."""

    kind: ClassVar[str]

    @property
    def span(self) -> Span:
        """When it lasts."""

    def apply(self, image: np.ndarray, frame: int) -> None:
        """Spoil one picture, float32 (rows, columns, 3) in [0, 1], in place."""

    def hides(self, box: np.ndarray, frame: int, talker: int) -> bool:
        """Whether the face of talker number `talker` cannot be seen in this frame because of it."""

    def describe(self, width: int, height: int) -> dict[str, Any]:
        """What scene.json says of it, without the times."""


@dataclass(frozen=True)
class Darkness:
    """Everything on one side of column `edge_px` lies in the dark; gain is what light remains there."""

    edge_px: float
    left_side: bool
    gain: float
    span: Span = ALWAYS
    kind: ClassVar[str] = "dark"

    def mask(self, width: int) -> np.ndarray:
        """How dark each column is: (columns,) in [0, 1]."""
        side = 1 if self.left_side else -1
        ramp = 0.5 + side * (self.edge_px - np.arange(width) - 0.5) / EDGE_OF_DARKNESS_PX
        return np.clip(ramp, 0, 1)

    def apply(self, image: np.ndarray, frame: int) -> None:
        if frame in self.span:
            image *= (1 - (1 - self.gain) * self.mask(image.shape[1]))[None, :, None].astype(np.float32)

    def hides(self, box: np.ndarray, frame: int, talker: int) -> bool:
        return frame in self.span and (box[0] + box[2] / 2 < self.edge_px) == self.left_side

    def describe(self, width: int, height: int) -> dict[str, Any]:
        left = 0.0 if self.left_side else self.edge_px
        right = self.edge_px if self.left_side else width
        return {
            "region": SoftRegion(left, 0, right - left, height).in_picture(width, height),
            "gain": self.gain,
        }


@dataclass(frozen=True)
class Blur:
    """A smear before the lens: a Gaussian of sigma_px within the region."""

    region: SoftRegion
    sigma_px: float
    span: Span = ALWAYS
    kind: ClassVar[str] = "blur"

    def apply(self, image: np.ndarray, frame: int) -> None:
        if frame not in self.span:
            return
        rows, cols, weight = self.region.patch(*image.shape[:2])
        if not weight.size:
            return
        sharp = image[rows, cols]
        size = max(1, sharp.shape[1] // 4), max(1, sharp.shape[0] // 4)  # a wide Gaussian needs no fine grid
        small = cv2.GaussianBlur(
            cv2.resize(sharp, size, interpolation=cv2.INTER_AREA), (0, 0), self.sigma_px / 4
        )
        sharp += weight * (cv2.resize(small, sharp.shape[1::-1]) - sharp)

    def hides(self, box: np.ndarray, frame: int, talker: int) -> bool:
        inside = frame in self.span and float(self.region.weight(*_centre(box))) > 0.5
        return inside and self.sigma_px > UNRECOGNISABLE_BLUR * float(box[2])

    def describe(self, width: int, height: int) -> dict[str, Any]:
        return {"region": self.region.in_picture(width, height), "sigma_px": round(self.sigma_px, 2)}


@dataclass(frozen=True)
class Glare:
    """A lamp or a window that blinds the camera: `light` of full scale is added within the region."""

    region: SoftRegion
    light: float
    span: Span = ALWAYS
    kind: ClassVar[str] = "glare"

    def apply(self, image: np.ndarray, frame: int) -> None:
        if frame in self.span:
            rows, cols, weight = self.region.patch(*image.shape[:2])
            image[rows, cols] += np.float32(self.light) * weight

    def hides(self, box: np.ndarray, frame: int, talker: int) -> bool:
        return frame in self.span and self.light * float(self.region.weight(*_centre(box))) > BLINDING

    def describe(self, width: int, height: int) -> dict[str, Any]:
        return {"region": self.region.in_picture(width, height), "light": round(self.light, 2)}


@dataclass(frozen=True)
class Turned:
    """One talker shows the back of the head; the head itself is painted on the figure (back_of_head)."""

    talker: int
    span: Span
    kind: ClassVar[str] = "turned"

    def share(self, frame: int) -> float:
        """How far the head is turned, 0..1."""
        ramp = min(frame - self.span.first + 1, self.span.end - frame) / TURNING_FRAMES
        return float(np.clip(ramp, 0.0, 1.0)) if frame in self.span else 0.0

    def apply(self, image: np.ndarray, frame: int) -> None:
        """Nothing but the figure changes."""

    def hides(self, box: np.ndarray, frame: int, talker: int) -> bool:
        return talker == self.talker and self.share(frame) > 0.5

    def describe(self, width: int, height: int) -> dict[str, Any]:
        return {"talker": self.talker}


def _centre(box: np.ndarray) -> tuple[float, float]:
    return float(box[0] + box[2] / 2), float(box[1] + box[3] / 2)
