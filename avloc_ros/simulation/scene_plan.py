"""What a scene will be, drawn before anything is rendered: who stands where, the camera, noise and trouble."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.simulation.conditions import check_condition
from avloc_ros.simulation.looks.picture import FACE_WIDTH_M
from avloc_ros.simulation.looks.trouble import VisualTrouble
from avloc_ros.simulation.looks.trouble_draw import SeenFace, draw_trouble
from avloc_ros.simulation.measured_rooms import Response, position_m
from avloc_ros.simulation.walking import Walk
from avloc_ros.types import InputError

FPS = 25
DURATION_S = (6.0, 10.0)
SNR_DB = (0.0, 15.0)
SILENT_SHARE = 0.15  # talkers with a face who say nothing
DIFFUSE_SHARE = 0.25  # noisy scenes whose noise comes from everywhere
TALKER_SHARES = (0.30, 0.35, 0.20, 0.15)  # scenes with 1, 2, 3, 4 talkers
TOGETHER_SHARE = 0.4  # scenes of several talkers who talk without waiting for each other


@dataclass(frozen=True)
class Wishes:
    """What a user fixes instead of leaving it to the draw; None is drawn.

    condition: one of simulation.conditions.KNOWN. together: nobody waits for the others to finish. Seconds, decibels.
    """

    audio_only: bool = False
    talkers: int | None = None
    condition: str | None = None
    snr_db: float | None = None
    duration_s: float | None = None
    together: bool | None = None

    def __post_init__(self) -> None:
        check_condition(self.condition)
        if self.talkers is not None and not 1 <= self.talkers <= 6:
            raise InputError(f"{self.talkers} talkers: a scene has 1 to 6")
        if self.duration_s is not None and not 2.0 <= self.duration_s <= 600.0:
            raise InputError(f"a duration of {self.duration_s:g} s: allowed are 2 to 600 s")


@dataclass(frozen=True)
class PlannedTalker:
    """A voice at a position; `clip` or `portrait` where the talker has a face, `voice` where only heard.

    dubbed: the clip's mouth moves while another voice is heard, but says other words.
    mirrored: the clip is shown as in a mirror, which makes another person of it. walk: where it leads, else standing.
    """

    name: str
    response: Response
    clip: Path | None
    voice: Path | None
    silent: bool
    portrait: str | None = None
    dubbed: bool = False
    mirrored: bool = False
    walk: Walk | None = None

    def places_m(self, frames: int) -> np.ndarray:
        """Where the mouth is at each frame, array frame: (frames, 3)."""
        if self.walk is not None:
            return self.walk.places_m(np.arange(frames) / FPS)
        return np.repeat(position_m(self.response)[None], frames, axis=0)

    @property
    def has_face(self) -> bool:
        return self.clip is not None or self.portrait is not None


@dataclass(frozen=True)
class PlannedNoise:
    """A noise file played through responses of the room at `snr_db`."""

    path: Path
    responses: tuple[Response, ...]
    snr_db: float

    @property
    def is_diffuse(self) -> bool:
        return len(self.responses) > 1


@dataclass(frozen=True)
class ScenePlan:
    """All draws of one scene. together: nobody waits for the others to finish."""

    condition: str
    frames: int
    room: str
    camera: CameraModel
    talkers: tuple[PlannedTalker, ...]
    noise: PlannedNoise | None
    troubles: tuple[VisualTrouble, ...] = ()
    together: bool = False


def draw_troubles(
    rng: np.random.Generator,
    kind: str | None,
    talkers: tuple[PlannedTalker, ...],
    camera: CameraModel,
    frames: int,
) -> tuple[VisualTrouble, ...]:
    """The trouble of the eye of a scene: none, or one of `kind`, mostly where a face is."""
    if kind is None:
        return ()
    faces = seen_faces(talkers, camera, frames)
    with_face = [number for number, talker in enumerate(talkers) if talker.has_face]
    if kind == "turned" and not faces and with_face:
        faces = [SeenFace(with_face[0], 0.0, 0.0, 1.0)]
    return (draw_trouble(rng, kind, faces, camera.width, camera.height, frames),)


def seen_faces(talkers: tuple[PlannedTalker, ...], camera: CameraModel, frames: int) -> list[SeenFace]:
    """The faces in the picture in the middle of the scene."""
    found = []
    for number, talker in enumerate(talkers):
        point = talker.places_m(frames)[frames // 2]
        (u, v), inside = camera.project(point)
        if talker.has_face and inside:
            depth_m = float(((point - camera.position_m) @ camera.rotation)[0])
            found.append(SeenFace(number, float(u), float(v), FACE_WIDTH_M * camera.fx / depth_m))
    return found


def draw_together(rng: np.random.Generator, talkers: tuple[PlannedTalker, ...], wishes: Wishes) -> bool:
    """Whether the talkers of a scene talk without waiting for each other."""
    drawn = bool(rng.random() < TOGETHER_SHARE) if wishes.together is None else wishes.together
    return drawn and sum(not t.silent for t in talkers) > 1


def draw_talker_count(rng: np.random.Generator, wishes: Wishes) -> int:
    """As many as wished, else 1 to 4."""
    return wishes.talkers or 1 + int(rng.choice(len(TALKER_SHARES), p=TALKER_SHARES))
