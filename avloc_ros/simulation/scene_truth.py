"""What is true in a scene: rows per talker and frame, and the facts of scene.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from avloc_ros.geometry import angles_from_direction
from avloc_ros.simulation.looks.appearance import stands_before
from avloc_ros.simulation.looks.scene_picture import Performance
from avloc_ros.simulation.looks.trouble import Darkness
from avloc_ros.simulation.measured_rooms import Response
from avloc_ros.simulation.scene_plan import FPS, PlannedTalker, ScenePlan
from avloc_ros.simulation.sound.sound_stage import MixedSound
from avloc_ros.sources.truth import TruthRow


def truth_rows(plan: ScenePlan, performances: list[Performance]) -> Iterator[TruthRow]:
    """One row per talker and frame."""
    for frame in range(plan.frames):
        boxes = [part.looks.box(frame) if part.looks is not None else None for part in performances]
        for number, part in enumerate(performances):
            row = _unseen(part, frame)
            box = boxes[number]
            if box is not None:
                seen = not _is_hidden(plan, performances, boxes, number, frame)
                row = row.with_face(box, plan.camera.width, plan.camera.height, seen)
            yield row


def _unseen(part: Performance, frame: int) -> TruthRow:
    response, speaking = part.planned.response, bool(part.speaking[frame])
    azimuth, elevation = response.azimuth_rad or 0.0, response.elevation_rad
    distance = response.distance_m
    if part.planned.walk is not None:
        place = part.places_m[frame]
        azimuth, elevation = (float(angle) for angle in angles_from_direction(place))
        distance = float(np.linalg.norm(place))
    return TruthRow.unseen(frame, FPS, part.planned.name, azimuth, elevation, distance, speaking)


def _is_hidden(
    plan: ScenePlan,
    performances: list[Performance],
    boxes: list[np.ndarray | None],
    number: int,
    frame: int,
) -> bool:
    """Whether trouble hides the face of talker `number`, or somebody who stands nearer does."""
    box = boxes[number]
    if box is None or any(trouble.hides(box, frame, number) for trouble in plan.troubles):
        return True
    distance_m = performances[number].distances_m[frame]
    return any(
        nearer is not None
        and performances[other].distances_m[frame] < distance_m
        and stands_before(nearer, box)
        for other, nearer in enumerate(boxes)
        if other != number
    )


def description(plan: ScenePlan, sound: MixedSound) -> dict[str, Any]:
    """What scene.json says of a scene besides its geometry."""
    noise = plan.noise
    return {
        "condition": plan.condition,
        "room": plan.room,
        "talkers": [_talker(talker, plan.frames) for talker in plan.talkers],
        "together": plan.together,
        "snr_db": sound.snr_db,
        "noise": {"file": noise.path.name, "responses": [r.name for r in noise.responses]} if noise else None,
        "dark": next((_dark(t) for t in plan.troubles if isinstance(t, Darkness)), None),
        "trouble": [*_visual_trouble(plan), *_noise_trouble(plan, sound.snr_db)],
    }


def _talker(talker: PlannedTalker, frames: int) -> dict[str, Any]:
    response = talker.response
    said: dict[str, Any] = {
        "name": talker.name,
        "response": response.name,
        "azimuth_rad": response.azimuth_rad,
        "distance_m": response.distance_m,
        "has_face": talker.has_face,
        "silent": talker.silent,
    }
    if talker.dubbed or talker.mirrored:
        said |= {"dubbed": talker.dubbed, "mirrored": talker.mirrored}
    if talker.walk is not None:
        walk = talker.walk
        said["walk"] = {"waypoints_m": [np.round(p, 3).tolist() for p in walk.waypoints_m]}
        said["walk"]["times_s"] = np.round(walk.times_s, 3).tolist()
        said["walk"]["walked_m"] = round(walk.walked_m(frames / FPS), 3)
    return said


def _dark(darkness: Darkness) -> dict[str, Any]:
    side = "left" if darkness.left_side else "right"
    return {"edge_px": darkness.edge_px, "side": side, "gain": darkness.gain}


def _visual_trouble(plan: ScenePlan) -> list[dict[str, Any]]:
    said = []
    for trouble in plan.troubles:
        facts = trouble.describe(plan.camera.width, plan.camera.height)
        if "talker" in facts:
            facts["talker"] = plan.talkers[facts["talker"]].name
        said.append({"kind": trouble.kind, **facts, **trouble.span.seconds(FPS, plan.frames)})
    return said


def _noise_trouble(plan: ScenePlan, snr_db: float | None) -> list[dict[str, Any]]:
    noise = plan.noise
    if noise is None:
        return []
    always = {"from_s": 0.0, "to_s": plan.frames / FPS, "snr_db": snr_db}
    if noise.is_diffuse:
        return [{"kind": "diffuse_noise", "direction": None, **always}]
    return [{"kind": "directional_noise", **_direction(noise.responses[0]), **always}]


def _direction(source: Response) -> dict[str, Any]:
    """Where noise comes from; a corner source has a name and no measured direction."""
    if source.azimuth_rad is None:
        return {"direction": None, "corner": source.corner}
    return {"direction": {"azimuth_rad": source.azimuth_rad, "elevation_rad": source.elevation_rad}}
