"""Draws the trouble of the eye of one scene: where, how strong, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.simulation.looks.occluder import Occluder
from avloc_ros.simulation.looks.soft_region import SoftRegion
from avloc_ros.simulation.looks.trouble import ALWAYS, Blur, Darkness, Glare, Span, Turned, VisualTrouble

AIMED_SHARE = 0.7  # blur and glare that are laid over a face; the others lie anywhere
HALF_SHARE = 0.4  # blur and glare over one side of the picture; the others are round patches
WHOLE_SCENE_SHARE = 0.5  # blur and glare that last for the whole scene
SHORTEST_SHARE = 0.4  # of the scene: the shortest that passing trouble lasts
PASSING_SHARE = 0.5  # things that pass through the picture; the others rise before a face
BLUR_OF_FACE = (0.2, 0.4)  # sigma over the width of the face that it is aimed at
LEAST_BLUR_PX = 5.0
GLARE_LIGHT = (1.1, 1.8)


@dataclass(frozen=True)
class SeenFace:
    """A face in the picture as the trouble is drawn: number of the talker, centre and width in pixels."""

    talker: int
    u_px: float
    v_px: float
    width_px: float


def draw_trouble(
    rng: np.random.Generator, kind: str, faces: list[SeenFace], width: int, height: int, frames: int
) -> VisualTrouble:
    """Trouble of a kind for a picture of width x height and a scene of so many frames.

    faces: those in the picture; without any, the trouble lies anywhere.
    """
    face = faces[int(rng.integers(len(faces)))] if faces else SeenFace(0, width / 2, height / 2, 30.0)
    if kind == "blur":
        sigma_px = max(LEAST_BLUR_PX, float(rng.uniform(*BLUR_OF_FACE)) * face.width_px)
        return Blur(_region(rng, face, width, height, 12.0), sigma_px, _draw_span(rng, frames))
    if kind == "glare":
        light = float(rng.uniform(*GLARE_LIGHT))
        return Glare(_region(rng, face, width, height, 60.0), light, _draw_span(rng, frames))
    if kind == "occluded":
        return _draw_occluder(rng, face, width, height, frames)
    if kind == "turned":
        return Turned(face.talker, _passing(rng, frames))
    return draw_darkness(rng, width)


def draw_darkness(rng: np.random.Generator, width: int) -> Darkness:
    """One dark half."""
    return Darkness(
        width / 2 + rng.uniform(-60, 60), bool(rng.random() < 0.5), float(rng.uniform(0.015, 0.05))
    )


def _region(rng: np.random.Generator, face: SeenFace, width: int, height: int, edge_px: float) -> SoftRegion:
    aimed = rng.random() < AIMED_SHARE
    u = face.u_px if aimed else rng.uniform(0, width)
    v = face.v_px if aimed else rng.uniform(0.2, 0.7) * height
    if rng.random() < HALF_SHARE:
        border = width / 2 + rng.uniform(-60, 60)
        beyond = 2 * edge_px  # the picture's own border is none of the region's
        left, right = (-beyond, border) if u < border else (border, width + beyond)
        return SoftRegion(left, -beyond, right - left, height + 2 * beyond, False, edge_px)
    across, down = rng.uniform(130, 300), rng.uniform(130, 260)
    u, v = u + rng.uniform(-0.15, 0.15) * across, v + rng.uniform(-0.15, 0.15) * down
    return SoftRegion(float(u - across / 2), float(v - down / 2), float(across), float(down), True, edge_px)


def _draw_span(rng: np.random.Generator, frames: int) -> Span:
    return ALWAYS if rng.random() < WHOLE_SCENE_SHARE else _passing(rng, frames)


def _passing(rng: np.random.Generator, frames: int) -> Span:
    length = round(rng.uniform(SHORTEST_SHARE, 0.9) * frames)
    first = int(rng.integers(0, frames - length + 1))
    return Span(first, first + length)


def _draw_occluder(
    rng: np.random.Generator, face: SeenFace, width: int, height: int, frames: int
) -> Occluder:
    round_thing, seed = bool(rng.random() < 0.4), int(rng.integers(2**31))
    size = rng.uniform(1.6, 3.0, 2) * face.width_px
    if rng.random() >= PASSING_SHARE:
        return Occluder(
            face.u_px, face.v_px, round(size[0]), round(1.3 * size[1]), 0.0, round_thing, seed, height, _passing(rng, frames)
        )  # fmt: skip
    tall = round(max(size[1], rng.uniform(0.3, 0.9) * height))
    wide = round(size[0] * rng.uniform(1.0, 2.0))
    to_the_right = bool(rng.random() < 0.5)
    speed = (width + wide) / rng.uniform(0.5, 1.0) / frames  # through the whole picture within the scene
    crossing = int((width + wide) / speed)
    first = int(rng.integers(0, max(1, frames - crossing + 1)))
    start = -wide / 2 if to_the_right else width + wide / 2
    return Occluder(
        float(start), face.v_px, wide, tall, float(speed if to_the_right else -speed), False, seed, height,
        Span(first, min(frames, first + crossing)),
    )  # fmt: skip
