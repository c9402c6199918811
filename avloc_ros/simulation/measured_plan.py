"""Draws a scene of real talkers in a measured room: who, where, with which noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avloc_ros.simulation.conditions import NEEDS_A_FACE, condition_of, is_noisy, visual_kind
from avloc_ros.simulation.kit import Kit
from avloc_ros.simulation.looks.camera_draw import WIDTH, draw_camera
from avloc_ros.simulation.looks.trouble_draw import draw_darkness
from avloc_ros.simulation.measured_rooms import Response
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


def draw_plan(rng: np.random.Generator, kit: Kit, index: int, wishes: Wishes) -> ScenePlan:
    """Draw scene number `index` of a split."""
    condition = condition_of(index, wishes.condition)
    (later,) = rng.spawn(1)  # for what came later: the other draws stay what they were
    talkers = _draw_talkers(rng, kit, index, wishes)
    room = talkers[0].response.room
    kind = None if wishes.audio_only else visual_kind(condition)
    camera = draw_camera(
        rng, [t.response for t in talkers], [t.has_face for t in talkers], face_needed=kind in NEEDS_A_FACE
    )
    noise = _draw_noise(rng, kit, room, talkers, wishes) if is_noisy(condition) else None
    darkness = draw_darkness(rng, WIDTH) if kind == "dark" else None
    frames = round((wishes.duration_s or rng.uniform(*DURATION_S)) * FPS)
    troubles = (darkness,) if darkness else draw_troubles(later, kind, talkers, camera, frames)
    together = draw_together(later, talkers, wishes)
    return ScenePlan(condition, frames, room, camera, talkers, noise, troubles, together)


def _draw_talkers(
    rng: np.random.Generator, kit: Kit, index: int, wishes: Wishes
) -> tuple[PlannedTalker, ...]:
    room = kit.rooms[index % len(kit.rooms)] if wishes.audio_only else str(rng.choice(kit.rooms))
    positions = draw_positions(rng, kit, room, draw_talker_count(rng, wishes))
    clips = [] if wishes.audio_only else [kit.clips[i] for i in rng.permutation(len(kit.clips))]
    voices = draw_voices(rng, kit.voices, len(positions))
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


def draw_voices(rng: np.random.Generator, voices: tuple[Path, ...], count: int) -> list[Path]:
    """One file each of `count` different speakers, fewer where there are fewer; the speaker is the name's first part."""
    speakers = sorted({path.stem.split("-")[0] for path in voices})
    chosen = rng.choice(speakers, size=min(count, len(speakers)), replace=False)
    files = [[p for p in voices if p.stem.split("-")[0] == speaker] for speaker in chosen]
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
