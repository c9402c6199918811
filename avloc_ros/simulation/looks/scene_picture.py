"""The pictures of a scene: who appears how, in front of whom, and the trouble over all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from avloc_ros.simulation.looks.appearance import Appearance, Standing, Turning, Walking
from avloc_ros.simulation.looks.backdrop import draw_room
from avloc_ros.simulation.looks.picture import CameraNoise, place_figure, render, table_row
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.looks.trouble import Turned
from avloc_ros.simulation.measured_rooms import ELEVATION_RAD
from avloc_ros.simulation.scene_plan import PlannedTalker, ScenePlan


@dataclass(frozen=True)
class Performance:
    """One talker's part in a scene: looks (None if only heard), places_m (frames, 3), speaking: bool (frames,)."""

    planned: PlannedTalker
    looks: Appearance | None
    places_m: np.ndarray
    speaking: np.ndarray

    @property
    def distances_m(self) -> np.ndarray:
        """From the array's origin: (frames,)."""
        return np.linalg.norm(self.places_m, axis=1)


def appearance_of(plan: ScenePlan, number: int, clip: TalkerClip, shown: np.ndarray) -> Appearance | None:
    """How talker `number` looks; shown (frames,): clip frames. None for one who always stands behind the camera."""
    planned = plan.talkers[number]
    looks: Appearance
    if planned.walk is not None:
        looks = Walking(clip, plan.camera, planned.places_m(plan.frames), shown)
    else:
        response = planned.response
        direction = response.azimuth_rad or 0.0, response.elevation_rad
        figure = place_figure(clip, plan.camera, *direction, response.distance_m or 1.0)
        if figure is None:
            return None
        looks = Standing(figure, shown)
    turns = [t for t in plan.troubles if isinstance(t, Turned) and t.talker == number]
    return Turning(looks, turns[0]) if turns else looks


def pictures(
    rng: np.random.Generator, plan: ScenePlan, performances: list[Performance]
) -> Iterator[np.ndarray]:
    """The pictures of the scene in order: uint8 (rows, columns, 3), BGR."""
    camera = plan.camera
    seen = [(p.looks, p.distances_m) for p in performances if p.looks is not None]
    horizon = camera.cy - camera.fy * np.tan(ELEVATION_RAD)
    faces = [found for looks, _ in seen if len(found := _boxes(looks, plan.frames))]
    room = draw_room(rng, camera.width, camera.height, horizon, table_row(camera, faces))
    noise = CameraNoise(rng, camera.width, camera.height, rng.uniform(0.006, 0.016))
    for frame in range(plan.frames):
        far_first = sorted(seen, key=lambda part: -part[1][frame])
        views = [view for looks, _ in far_first if (view := looks.view(frame)) is not None]
        yield render(room, views, plan.troubles, frame, noise.next())


def _boxes(looks: Appearance, frames: int) -> np.ndarray:
    """All boxes of a talker: (frames that have one, 4)."""
    found = [box for frame in range(frames) if (box := looks.box(frame)) is not None]
    return np.array(found) if found else np.zeros((0, 4))
