"""What a 360-degree camera at the microphone sees of a scene of sound events: a room, and a picture where one sounds.

Things stand there a while before and after they sound, and move only while they do; some never sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.geometry import angles_from_direction, direction_from_angles
from avloc_ros.simulation.events.event_sprites import PHASES, SIZES_M, Look, sprite
from avloc_ros.sources.dcase_csv import FRAME_S

LONGEST_MARGIN_FRAMES = 30  # a thing is there up to 3 s before and after it sounds
MOVES_HZ = 5.0  # pictures of a movement per second


class Sounding(Protocol):
    """An event as the scene plans it: class, label frames [first, end), and where it is."""

    @property
    def class_index(self) -> int:
        """-1: an interferer, which has no picture."""

    @property
    def first(self) -> int:
        """The label frame in which it begins."""

    @property
    def end(self) -> int:
        """One past its last label frame."""

    def place_m(self, share: float) -> np.ndarray:
        """Where it is (3,), array frame, after a share of its time."""

    def share(self, frame: float) -> float:
        """How much of its time has passed at a label frame."""


@dataclass
class VisibleThing:
    """A thing in the picture for label frames [first, end); `event` None: it never sounds, and stays at place_m."""

    class_name: str
    look: Look
    first: float
    end: float
    event: Sounding | None = None
    place_m: np.ndarray = field(default_factory=lambda: np.array([2.0, 0.0, 0.0]))
    _drawn: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def where_m(self, frame: float) -> np.ndarray:
        """Its place (3,), array frame, at a label frame."""
        return self.place_m if self.event is None else self.event.place_m(self.event.share(frame))

    def phase(self, frame: float) -> int:
        """Which picture of its movement; 0 while it is silent."""
        if self.event is None or not self.event.first <= frame < self.event.end:
            return 0
        return 1 + int((frame - self.event.first) * FRAME_S * MOVES_HZ) % (PHASES - 1)

    def picture(self, phase: int, side_px: int) -> np.ndarray:
        """Its sprite (side, side, 4) at a size."""
        key = (phase, side_px)
        if key not in self._drawn:
            small = cv2.resize(sprite(self.class_name, self.look, phase), (side_px, side_px), interpolation=cv2.INTER_AREA)
            self._drawn[key] = small
        return self._drawn[key]


def draw_things(
    events: Sequence[Sounding],
    frames: int,
    visible_share: float,
    silent_things: int,
    random: np.random.Generator,
    classes: Sequence[str] = STARSS_CLASSES,
) -> list[VisibleThing]:
    """What is to be seen: a share of the events whose class has a picture, and things that never sound."""
    things = []
    for event in events:
        name = classes[event.class_index] if event.class_index >= 0 else ""
        if name in SIZES_M and random.random() < visible_share:
            before, after = random.uniform(0, LONGEST_MARGIN_FRAMES, 2)
            things.append(VisibleThing(name, Look.drawn(random), event.first - before, event.end + after, event))
    names = list(SIZES_M)
    for _ in range(silent_things):
        first = random.uniform(-frames / 2, frames / 2)
        place_m = direction_from_angles(random.uniform(-np.pi, np.pi), random.uniform(-0.4, 0.5)) * random.uniform(1.0, 3.5)
        name = names[int(random.integers(len(names)))]
        things.append(VisibleThing(name, Look.drawn(random), first, first + frames, None, place_m))
    return things


def panorama_frames(
    things: Sequence[VisibleThing], frames: int, fps: float, width: int, random: np.random.Generator
) -> Iterator[np.ndarray]:
    """BGR uint8 (width / 2, width, 3) pictures of label frames 0 .. frames at fps.

    Equirectangular: azimuth_deg = 180 - (column + 0.5) * 360 / width, the top row looks up.
    """
    backdrop = _room(width, random)
    for number in range(round(frames * FRAME_S * fps)):
        frame = number / fps / FRAME_S
        picture = backdrop.copy()
        seen = [(thing, thing.where_m(frame)) for thing in things if thing.first <= frame < thing.end]
        for thing, place_m in sorted(seen, key=lambda item: -float(np.linalg.norm(item[1]))):
            _put(picture, thing, place_m, thing.phase(frame))
        yield np.clip(picture * 255, 0, 255).astype(np.uint8)


def _put(picture: np.ndarray, thing: VisibleThing, place_m: np.ndarray, phase: int) -> None:
    """Lay a thing over the picture (rows, columns, 3), across its seam too."""
    rows, columns = picture.shape[:2]
    angle = 2 * np.arctan(SIZES_M[thing.class_name] / 2 / max(float(np.linalg.norm(place_m)), 0.3))
    side = max(3, round(float(angle) / (2 * np.pi) * columns))
    azimuth, elevation = (float(value) for value in angles_from_direction(place_m))
    left = round((np.pi - azimuth) / (2 * np.pi) * columns - side / 2)
    top = round((np.pi / 2 - elevation) / np.pi * rows - side / 2)
    shown = thing.picture(phase, side)[max(0, -top) : max(0, rows - top)]
    across = np.arange(left, left + side) % columns
    down = slice(max(0, top), max(0, top) + len(shown))
    picture[down, across] = picture[down, across] * (1 - shown[..., 3:]) + shown[..., :3]


def _room(width: int, random: np.random.Generator) -> np.ndarray:
    """Ceiling, walls and floor with a few flat things on the walls: float32 (width / 2, width, 3) in [0, 1]."""
    height = width // 2
    colours = random.uniform(0.15, 0.9, (3, 3)).astype(np.float32)
    row = np.arange(height) / height
    shares = np.stack([row < 0.32, (row >= 0.32) & (row < 0.66), row >= 0.66], 1).astype(np.float32)  # (height, 3)
    room = np.repeat((shares @ colours)[:, None], width, 1)
    for _ in range(int(random.integers(4, 12))):
        left, top = int(random.integers(width)), int(random.uniform(0.3, 0.75) * height)
        wide, high = int(random.uniform(0.02, 0.12) * width), int(random.uniform(0.04, 0.2) * height)
        room[top : top + high, np.arange(left, left + wide) % width] = random.uniform(0.05, 0.95, 3)
    waves = 1 + 0.15 * np.cos(2 * np.pi * (np.arange(width) / width * random.integers(1, 5) + random.random()))
    texture = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 1.0) * 0.06
    return np.clip(room * waves[None, :, None].astype(np.float32) + texture[..., None], 0, 1)
