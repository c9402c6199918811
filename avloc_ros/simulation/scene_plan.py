"""What a measured scene will be, drawn before anything is rendered: who stands where, the camera, noise and light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.geometry import CameraModel, direction_from_angles, rotation_from_yaw_pitch_roll, wrap_angle
from avloc_ros.simulation.kit import Kit
from avloc_ros.simulation.measured_rooms import Response
from avloc_ros.simulation.picture import Darkness
from avloc_ros.types import InputError

FPS = 25
WIDTH, HEIGHT, FX, FY = 720, 450, 318.5, 268.1  # 97 x 80 degrees (specs: dsw)
DURATION_S = (6.0, 10.0)
SNR_DB = (0.0, 15.0)
OFF_CAMERA_SHARE = 0.1  # scenes without anybody in the picture
SILENT_SHARE = 0.15  # talkers with a face who say nothing
DIFFUSE_SHARE = 0.25  # noisy scenes whose noise comes from everywhere
EDGE_PX = 22.0  # no face centre this near to the picture's edge: half a face is neither in nor out
# Half of the scenes are noisy or half dark, in fixed turns so that any number of scenes is balanced.
CONDITIONS = ("clean", "noisy", "clean", "dark", "clean", "noisy", "clean", "dark", "clean", "noisy_dark")


@dataclass(frozen=True)
class Wishes:
    """What a user fixes instead of leaving it to the draw; None is drawn.

    condition: clean, noisy, dark or noisy_dark. Seconds, decibels.
    """

    audio_only: bool = False
    talkers: int | None = None
    condition: str | None = None
    snr_db: float | None = None
    duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.condition is not None and self.condition not in CONDITIONS:
            raise InputError(
                f"condition '{self.condition}' is not known: take one of {', '.join(sorted(set(CONDITIONS)))}"
            )
        if self.talkers is not None and not 1 <= self.talkers <= 6:
            raise InputError(f"{self.talkers} talkers: a scene has 1 to 6")
        if self.duration_s is not None and not 2.0 <= self.duration_s <= 600.0:
            raise InputError(f"a duration of {self.duration_s:g} s: allowed are 2 to 600 s")


@dataclass(frozen=True)
class PlannedTalker:
    """A voice at a measured position; `clip` or `portrait` where the talker has a face, `voice` where only heard."""

    name: str
    response: Response
    clip: Path | None
    voice: Path | None
    silent: bool
    portrait: str | None = None

    @property
    def has_face(self) -> bool:
        return self.clip is not None or self.portrait is not None


@dataclass(frozen=True)
class PlannedNoise:
    """A noise file played through responses of the room at `snr_db`."""

    path: Path
    responses: tuple[Response, ...]
    snr_db: float


@dataclass(frozen=True)
class ScenePlan:
    """All draws of one scene."""

    condition: str
    frames: int
    room: str
    camera: CameraModel
    talkers: tuple[PlannedTalker, ...]
    noise: PlannedNoise | None
    darkness: Darkness | None


def draw_plan(rng: np.random.Generator, kit: Kit, index: int, wishes: Wishes) -> ScenePlan:
    """Draw scene number `index` of a split."""
    condition = wishes.condition or CONDITIONS[index % len(CONDITIONS)]
    talkers = _draw_talkers(rng, kit, index, wishes)
    room = talkers[0].response.room
    camera = draw_camera(rng, [t.response for t in talkers], [t.has_face for t in talkers])
    noise = _draw_noise(rng, kit, room, talkers, wishes) if "noisy" in condition else None
    darkness = draw_darkness(rng) if "dark" in condition and not wishes.audio_only else None
    duration_s = wishes.duration_s or rng.uniform(*DURATION_S)
    return ScenePlan(condition, round(duration_s * FPS), room, camera, talkers, noise, darkness)


def draw_camera(rng: np.random.Generator, positions: list[Response], has_face: list[bool]) -> CameraModel:
    """A camera at the array's origin, level, its yaw uniform over those that show one drawn face (mostly)."""
    faces = [p for p, face in zip(positions, has_face, strict=True) if face]
    shown = faces[int(rng.integers(len(faces)))] if faces and rng.random() >= OFF_CAMERA_SHARE else None
    half_view = np.arctan(WIDTH / 2 / FX)
    for _ in range(1000):
        yaw = rng.uniform(-np.pi, np.pi)
        camera = camera_with_yaw(yaw)
        columns = [face_column(camera, p) for p in faces]
        if any(u is not None and min(abs(u), abs(u - WIDTH)) < EDGE_PX for u in columns):
            continue
        if shown is not None and abs(float(wrap_angle(shown.azimuth_rad - yaw))) < half_view:  # type: ignore[operator]
            return camera
        if shown is None and all(u is None or not 0 <= u < WIDTH for u in columns):
            return camera
    return camera_with_yaw(float(shown.azimuth_rad or 0.0) if shown else rng.uniform(-np.pi, np.pi))


def camera_with_yaw(yaw_rad: float) -> CameraModel:
    """The kit's level camera turned by `yaw_rad`."""
    rotation = rotation_from_yaw_pitch_roll(yaw_rad, 0.0, 0.0)
    return CameraModel(WIDTH, HEIGHT, FX, FY, WIDTH / 2, HEIGHT / 2, rotation=rotation)


def face_column(camera: CameraModel, position: Response) -> float | None:
    """The pixel column of a position, which may lie beside the picture; None behind the camera."""
    point = direction_from_angles(position.azimuth_rad or 0.0, position.elevation_rad) * (
        position.distance_m or 1.0
    )
    u = float(camera.project(point)[0][0])
    return u if np.isfinite(u) else None


def _draw_talkers(
    rng: np.random.Generator, kit: Kit, index: int, wishes: Wishes
) -> tuple[PlannedTalker, ...]:
    room = kit.rooms[index % len(kit.rooms)] if wishes.audio_only else str(rng.choice(kit.rooms))
    positions = draw_positions(
        rng, kit, room, wishes.talkers or int(rng.choice([1, 2, 3], p=[0.35, 0.4, 0.25]))
    )
    clips = [] if wishes.audio_only else [kit.clips[i] for i in rng.permutation(len(kit.clips))]
    voices = draw_voices(rng, kit, len(positions))
    talkers: list[PlannedTalker] = []
    for number, position in enumerate(positions):
        clip = clips[number] if number < len(clips) else None
        voice = None if clip else voices[number]
        name = clip.stem if clip else f"voice{voice.stem.split('-')[0]}"  # type: ignore[union-attr]
        silent = clip is not None and number > 0 and bool(rng.random() < SILENT_SHARE)
        talkers.append(PlannedTalker(name, position, clip, voice, silent))
    return tuple(talkers)


def draw_positions(rng: np.random.Generator, kit: Kit, room: str, count: int) -> list[Response]:
    """Measured positions of a room, each at an azimuth of its own, fewer where the room has fewer."""
    responses = kit.in_room(room)
    azimuths = sorted({round(r.azimuth_rad or 0.0, 6) for r in responses})
    chosen = rng.choice(azimuths, size=min(count, len(azimuths)), replace=False)
    by_azimuth = [[r for r in responses if round(r.azimuth_rad or 0.0, 6) == azimuth] for azimuth in chosen]
    return [group[int(rng.integers(len(group)))] for group in by_azimuth]


def draw_voices(rng: np.random.Generator, kit: Kit, count: int) -> list[Path]:
    """One file each of `count` different speakers."""
    speakers = sorted({path.stem.split("-")[0] for path in kit.voices})
    chosen = rng.choice(speakers, size=min(count, len(speakers)), replace=False)
    files = [[p for p in kit.voices if p.stem.split("-")[0] == speaker] for speaker in chosen]
    return [group[int(rng.integers(len(group)))] for group in files]


def _draw_noise(
    rng: np.random.Generator, kit: Kit, room: str, talkers: tuple[PlannedTalker, ...], wishes: Wishes
) -> PlannedNoise:
    snr_db = float(rng.uniform(*SNR_DB)) if wishes.snr_db is None else wishes.snr_db
    events = [path for path in kit.noises if "events" in path.parts]
    files = events if wishes.audio_only and events else list(kit.noises)
    path = files[int(rng.integers(len(files)))]
    taken = {round(t.response.azimuth_rad or 0.0, 6) for t in talkers}
    free = [r for r in kit.in_room(room) if round(r.azimuth_rad or 0.0, 6) not in taken]
    corners = kit.corners(room)
    if rng.random() < DIFFUSE_SHARE and not wishes.audio_only:
        return PlannedNoise(path, tuple(corners + kit.in_room(room)), snr_db)
    places = corners or free  # a room without corner sources has its noise at a free position
    return PlannedNoise(path, (places[int(rng.integers(len(places)))],), snr_db)


def draw_darkness(rng: np.random.Generator) -> Darkness:
    return Darkness(
        WIDTH / 2 + rng.uniform(-60, 60), bool(rng.random() < 0.5), float(rng.uniform(0.015, 0.05))
    )
