"""Draws a scene in a simulated rectangular room: the room, places and ways of the talkers, their faces and voices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.conditions import NEEDS_A_FACE, condition_of, is_noisy, visual_kind
from avloc_ros.simulation.looks.camera_draw import HALF_VIEW_RAD, WIDTH, camera_with_yaw, draw_camera
from avloc_ros.simulation.looks.trouble import VisualTrouble
from avloc_ros.simulation.looks.trouble_draw import draw_darkness
from avloc_ros.simulation.measured_plan import draw_voices
from avloc_ros.simulation.measured_rooms import Response, position_m
from avloc_ros.simulation.places import (
    NoPlaceError,
    draw_place,
    draw_place_in_view,
    draw_shoebox,
    response_at,
)
from avloc_ros.simulation.scene_plan import (
    DIFFUSE_SHARE,
    DURATION_S,
    FPS,
    SILENT_SHARE,
    SNR_DB,
    PlannedNoise,
    PlannedTalker,
    ScenePlan,
    Wishes,
    draw_talker_count,
    draw_together,
    draw_troubles,
)
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.simulation.walking import draw_crossing, draw_walk
from avloc_ros.types import InputError

PORTRAITS = ("collins", "hopper")
DIFFUSE_SOURCES = 8
NOISE_IN_VIEW_SHARE = 0.5  # directional noises that come from within the picture, where talkers do
WALKER_SHARE = 0.5  # talkers on foot in a scene where somebody walks; at least one
DUBBED_SHARE = 0.5  # filmed talkers heard with another voice where voices are given: few clips, many voices
CROSSING_SHARE = 0.4  # of the scenes with walkers, where there are two talkers


@dataclass(frozen=True)
class ShoeboxParts:
    """What rooms and talkers are drawn from; empty tuples: synthetic voices, generated noise, the two portraits.

    in_view_share: talkers who stand where the camera looks; None turns the camera anywhere. moving_share: scenes in which
    somebody walks. crossing: two talkers cross in every scene. dubbed_share: filmed talkers who are heard with another
    voice. split: of the data kit that voices, noises and clips come from; rooms of the splits differ.
    """

    array: MicrophoneArray
    sample_rate_hz: int = 16000
    rt60_s: tuple[float, float] = (0.15, 0.8)
    voices: tuple[Path, ...] = ()
    noises: tuple[Path, ...] = ()
    clips: tuple[Path, ...] = ()
    face_model: Path | None = None
    in_view_share: float | None = None
    moving_share: float = 0.0
    crossing: bool = False
    dubbed_share: float = 0.0
    split: str | None = None

    @property
    def looks_at_talkers(self) -> bool:
        """Whether places are drawn for a camera whose view is known, not the camera for the places."""
        return self.in_view_share is not None or self.crossing

    def __post_init__(self) -> None:
        if self.sample_rate_hz % FPS:
            raise InputError(
                f"a rate of {self.sample_rate_hz} Hz: need a multiple of {FPS}, like 16000, 44100 or 48000"
            )
        if not 0.1 <= self.rt60_s[0] <= self.rt60_s[1] <= 2.0:
            raise InputError(f"reverberation times {self.rt60_s}: need 0.1 <= low <= high <= 2.0 seconds")
        if self.clips and self.face_model is None:
            raise InputError(
                "clips of talkers need a YuNet ONNX file that measures their faces (--face-model)"
            )
        for name in ("in_view_share", "moving_share", "dubbed_share"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise InputError(f"{name.replace('_', ' ')} is {share:g}: need 0 to 1")


@dataclass(frozen=True)
class Cast:
    """What is drawn before the room, so that no small room changes the shares: talkers, whether any walks, any cross."""

    count: int
    walking: bool
    crossing: bool

    @staticmethod
    def draw(rng: np.random.Generator, parts: ShoeboxParts, wishes: Wishes) -> Cast:
        if parts.crossing and wishes.talkers == 1:
            raise InputError("--crossing needs two talkers or more")
        count = max(draw_talker_count(rng, wishes), 2 if parts.crossing else 1)
        walking = bool(rng.random() < parts.moving_share)
        crossing = walking and count > 1 and parts.in_view_share is not None and rng.random() < CROSSING_SHARE
        return Cast(count, walking, parts.crossing or bool(crossing))


def draw_room_and_plan(
    rng: np.random.Generator, parts: ShoeboxParts, index: int, wishes: Wishes
) -> tuple[ShoeboxRoom, ScenePlan]:
    """Draw scene number `index`; a room that has no place for all of its talkers is drawn anew."""
    cast = Cast.draw(rng, parts, wishes)
    for _ in range(200):
        room = draw_shoebox(rng, parts.rt60_s)
        try:
            return room, draw_shoebox_plan(rng, parts, room, cast, index, wishes)
        except NoPlaceError as error:
            reason = error
    raise InputError(f"{reason}, nor in 199 others")


def draw_shoebox_plan(
    rng: np.random.Generator,
    parts: ShoeboxParts,
    room: ShoeboxRoom,
    cast: Cast,
    index: int,
    wishes: Wishes,
) -> ScenePlan:
    """Draw scene number `index` in a room. Raises NoPlaceError where the room has no place left."""
    condition = condition_of(index, wishes.condition)
    kind = None if wishes.audio_only else visual_kind(condition)
    (later,) = rng.spawn(1)
    face_needed = kind in NEEDS_A_FACE
    frames = round((wishes.duration_s or later.uniform(*DURATION_S)) * FPS)
    yaw: float | None = None
    if parts.looks_at_talkers:
        share = 1.0 if parts.in_view_share is None else parts.in_view_share
        yaw, places = _draw_view(rng, room, cast.count, share, face_needed)
    else:
        places = _draw_anywhere(rng, room, cast.count)
    talkers = _draw_talkers(rng, later, parts, places, wishes)
    if cast.crossing and yaw is not None:
        talkers = _crossing(later, room, talkers, yaw, frames / FPS)
    elif cast.walking:
        talkers = _on_foot(later, parts, room, talkers, yaw, frames / FPS)
    if yaw is None:
        camera = draw_camera(rng, places, [t.has_face for t in talkers], face_needed=face_needed)
    else:
        camera = camera_with_yaw(yaw)
    noise = _draw_noise(rng, parts, room, places, yaw, wishes) if is_noisy(condition) else None
    if kind == "dark":
        troubles: tuple[VisualTrouble, ...] = (draw_darkness(rng, WIDTH),)
    else:
        troubles = draw_troubles(later, kind, talkers, camera, frames)
    together = draw_together(later, talkers, wishes)
    return ScenePlan(condition, frames, "shoebox", camera, talkers, noise, troubles, together)


def _draw_anywhere(rng: np.random.Generator, room: ShoeboxRoom, count: int) -> list[Response]:
    places: list[Response] = []
    for _ in range(count):
        places.append(draw_place(rng, room, places))
    return places


def _draw_view(
    rng: np.random.Generator, room: ShoeboxRoom, count: int, in_view_share: float, face_needed: bool
) -> tuple[float, list[Response]]:
    """A yaw of the camera with room before it, and a place for everybody, most of them in view."""
    in_view = [bool(rng.random() < in_view_share) for _ in range(count)]
    in_view[0] = in_view[0] or face_needed
    for _ in range(200):
        yaw = float(rng.uniform(-np.pi, np.pi))
        places: list[Response] = []
        for inside in in_view:
            place = draw_place_in_view(rng, room, yaw, places, inside)
            if place is None:
                break
            places.append(place)
        else:
            return yaw, places
    raise NoPlaceError(f"no places for {count} talkers before the camera in a room of {room.size_m} m")


def _on_foot(
    rng: np.random.Generator,
    parts: ShoeboxParts,
    room: ShoeboxRoom,
    talkers: tuple[PlannedTalker, ...],
    yaw: float | None,
    duration_s: float,
) -> tuple[PlannedTalker, ...]:
    """The talkers, about half of them with a walk, one at least."""
    walkers = [bool(rng.random() < WALKER_SHARE) for _ in talkers]
    walkers[int(rng.integers(len(walkers)))] = True

    def next_m() -> np.ndarray:
        seen = rng.random() < (parts.in_view_share or 0.0)
        place = draw_place_in_view(rng, room, yaw, [], True) if yaw is not None and seen else None
        return position_m(place or draw_place(rng, room, []))

    return tuple(
        replace(t, walk=draw_walk(rng, position_m(t.response), next_m, duration_s)) if walks else t
        for t, walks in zip(talkers, walkers, strict=True)
    )


def _crossing(
    rng: np.random.Generator,
    room: ShoeboxRoom,
    talkers: tuple[PlannedTalker, ...],
    yaw: float,
    duration_s: float,
) -> tuple[PlannedTalker, ...]:
    """The first two cross before the camera and both talk. Raises NoPlaceError where there is no room for it."""
    walks = draw_crossing(rng, yaw, HALF_VIEW_RAD, lambda point: room.holds(point, 0.3), duration_s)
    if walks is None:
        raise NoPlaceError(f"no room for two ways that cross in a room of {room.size_m} m")
    pair = [
        replace(talker, walk=walk, silent=False, response=response_at(np.array(walk.waypoints_m[0])))
        for talker, walk in zip(talkers[:2], walks, strict=True)
    ]
    return (*pair, *talkers[2:])


def _draw_talkers(
    rng: np.random.Generator,
    later: np.random.Generator,
    parts: ShoeboxParts,
    places: list[Response],
    wishes: Wishes,
) -> tuple[PlannedTalker, ...]:
    """Faces in a drawn order, again in a mirror where there are fewer faces than talkers; each voice is another speaker's."""
    pool = [] if wishes.audio_only else [str(c) for c in parts.clips] or list(PORTRAITS)
    faces = [str(face) for face in rng.permutation(pool)] if pool else []
    voices = draw_voices(rng, parts.voices, len(places)) if parts.voices else []
    talkers = []
    for number, place in enumerate(places):
        face = faces[number % len(faces)] if faces else None
        again = number // len(faces) if faces else 0
        clip = Path(face) if face and parts.clips else None
        dubbed = clip is not None and (again > 0 or bool(later.random() < parts.dubbed_share))
        voice = voices[number % len(voices)] if voices and (clip is None or dubbed) else None
        silent = face is not None and number > 0 and bool(rng.random() < SILENT_SHARE)
        name = f"{Path(face).stem if face else 'voice'}_{number}"
        portrait = None if clip else face
        talkers.append(
            PlannedTalker(name, place, clip, voice, silent, portrait, dubbed, mirrored=again % 2 == 1)
        )
    return tuple(talkers)


def _draw_noise(
    rng: np.random.Generator,
    parts: ShoeboxParts,
    room: ShoeboxRoom,
    places: list[Response],
    yaw: float | None,
    wishes: Wishes,
) -> PlannedNoise:
    snr_db = float(rng.uniform(*SNR_DB)) if wishes.snr_db is None else wishes.snr_db
    path = parts.noises[int(rng.integers(len(parts.noises)))] if parts.noises else Path("generated")
    (later,) = rng.spawn(1)
    if later.random() < DIFFUSE_SHARE and not wishes.audio_only:
        around = [draw_place(rng, room, [], separation_rad=0.0) for _ in range(DIFFUSE_SOURCES)]
        return PlannedNoise(path, tuple(around), snr_db)
    if yaw is not None and later.random() < NOISE_IN_VIEW_SHARE:
        place = draw_place_in_view(later, room, yaw, places, True)
        if place is not None:
            return PlannedNoise(path, (place,), snr_db)
    return PlannedNoise(path, (draw_place(rng, room, places),), snr_db)
