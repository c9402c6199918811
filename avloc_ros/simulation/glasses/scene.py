"""Scenes as glasses record them: people around a table, the wearer among them, a restaurant behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avloc_ros.geometry import angles_from_direction
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.glasses.config import FPS, EgocentricConfig
from avloc_ros.simulation.glasses.conversation import Conversation, converse, shown_pictures
from avloc_ros.simulation.glasses.guests import EgocentricParts, Guest, draw_guests, draw_voice
from avloc_ros.simulation.glasses.head_motion import HeadMotion, draw_head_motion
from avloc_ros.simulation.glasses.picture import EXPOSURES, draw_still, exposed, turned_box, wide_camera
from avloc_ros.simulation.glasses.sound import (
    MOUTH_M,
    active_samples,
    draw_tables,
    heard_by_turning_head,
    heard_own_voice,
    mixed,
    restaurant,
)
from avloc_ros.simulation.looks.picture import CameraNoise, Figure, place_figure
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.sources.arrays import named_array
from avloc_ros.sources.person_boxes import WEARER, PersonBox, speaker_mask
from avloc_ros.sources.scene import Scene, write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import InputError

EXPOSURE_S = 0.02


def glasses_array() -> MicrophoneArray:
    """The shipped six-microphone head-worn array."""
    return named_array("glasses_6mic")


def compose_egocentric(
    folder: Path,
    index: int,
    *,
    seed: int,
    config: EgocentricConfig | None = None,
    parts: EgocentricParts | None = None,
) -> Scene:
    """Draw and write scene number `index`: sound, pictures, truth.csv with a row `wearer`, and masks.npz.

    masks.npz holds `masks`, uint8 (frames, rows, cols / 8), np.packbits of the speakers' face boxes. The same arguments
    give the same scene.
    """
    config, parts = config or EgocentricConfig(), parts or EgocentricParts()
    rng = np.random.default_rng([seed, index, 2021])
    frames = round(config.seconds * FPS)
    room = _draw_room(rng, config)
    guests = draw_guests(rng, config, parts)
    motion = draw_head_motion(rng, config.seconds, config.motion)
    own = draw_voice(rng, parts, config.sample_rate_hz)
    talk = converse(rng, config, guests, own, frames)
    sound, snr_db = _sound(rng, config, parts, room, guests, motion, talk)
    wide = wide_camera(config.camera)
    placed = [place_figure(g.clip, wide, g.azimuth_rad, g.elevation_rad, g.distance_m) for g in guests]
    shown = shown_pictures(config, guests, talk)
    rows = list(truth_rows(config, guests, placed, shown, motion, talk))
    scene = write_scene(
        folder,
        array=glasses_array(),
        camera=config.camera,
        audio=sound,
        sample_rate_hz=config.sample_rate_hz,
        images=_pictures(rng, config, guests, placed, shown, motion, frames),
        fps=FPS,
        truth=rows,
        extra={
            "seed": seed,
            "index": index,
            "kind": "egocentric",
            "masks": "masks.npz",
            "snr_db": snr_db,
            "head_shadow": config.head_shadow,
            "room_size_m": room.size_m,
            "rt60_s": room.rt60_s,
        },
    )
    np.savez_compressed(folder / "masks.npz", masks=_masks(rows, frames, config))
    return scene


def read_masks(scene: Scene) -> np.ndarray:
    """The masks of a scene folder: bool (frames, rows, cols). Raises InputError where it has none."""
    path = scene.folder / str(scene.json.get("masks", "masks.npz"))
    if not path.is_file() or scene.camera is None:
        raise InputError(f"scene {scene.folder} has no masks: simulate it as an egocentric one")
    with np.load(path) as content:
        return np.unpackbits(content["masks"], axis=2, count=scene.camera.width).astype(bool)


def truth_rows(
    config: EgocentricConfig,
    guests: list[Guest],
    placed: list[Figure | None],
    shown: list[np.ndarray],
    motion: HeadMotion,
    talk: Conversation,
) -> Iterator[TruthRow]:
    """One row per person and frame, the wearer's without a face; angles are those of the head of that moment."""
    wide, camera = wide_camera(config.camera), config.camera
    azimuth, elevation = angles_from_direction(MOUTH_M)
    for frame in range(len(talk.speaking[-1])):
        rotation = motion.rotation(frame / FPS)
        for number, guest in enumerate(guests):
            row = _row(frame, guest.name, rotation.T @ guest.place_m, talk.speaking[number][frame])
            figure = placed[number]
            box = (
                turned_box(figure.boxes[shown[number][frame]], wide, camera, rotation) if figure else None
            )
            yield row if box is None else row.with_face(box, camera.width, camera.height)
        own = bool(talk.speaking[-1][frame])
        yield TruthRow.unseen(
            frame, FPS, WEARER, float(azimuth), float(elevation), float(np.linalg.norm(MOUTH_M)), own
        )


def _row(frame: int, name: str, place_m: np.ndarray, speaking: bool) -> TruthRow:
    azimuth, elevation = angles_from_direction(place_m)
    return TruthRow.unseen(
        frame, FPS, name, float(azimuth), float(elevation), float(np.linalg.norm(place_m)), bool(speaking)
    )


def _draw_room(rng: np.random.Generator, config: EgocentricConfig) -> ShoeboxRoom:
    size = rng.uniform([5.0, 5.0, 2.6], [9.0, 8.0, 3.4])
    head = np.r_[rng.uniform([1.2, 2.0], size[:2] - [3.0, 2.0]), 1.2]
    width, depth, height = size
    surface = 2 * (width * depth + width * height + depth * height)
    shortest = 24 * np.log(10) / 343.0 * size.prod() / surface / 0.98  # Sabine: walls that take almost all
    rt60_s = max(float(rng.uniform(config.shortest_rt60_s, config.longest_rt60_s)), shortest)
    (a, b, c), (x, y, z) = size.round(3), head.round(3)
    return ShoeboxRoom(
        (float(a), float(b), float(c)), (float(x), float(y), float(z)), round(rt60_s, 3), config.reflections
    )


def _sound(
    rng: np.random.Generator,
    config: EgocentricConfig,
    parts: EgocentricParts,
    room: ShoeboxRoom,
    guests: list[Guest],
    motion: HeadMotion,
    talk: Conversation,
) -> tuple[np.ndarray, float | None]:
    rate, microphones = config.sample_rate_hz, glasses_array().positions_m
    people = np.zeros((len(talk.tracks[-1]), len(microphones)))
    for guest, track in zip(guests, talk.tracks, strict=False):
        people += heard_by_turning_head(
            track, guest.place_m, motion, room, microphones, rate, shadow=config.head_shadow
        )
    own = heard_own_voice(talk.tracks[-1], room, microphones, rate)
    snr_db = float(rng.uniform(config.lowest_snr_db, config.highest_snr_db))
    noise = None
    if config.tables:
        places = draw_tables(rng, room, config.tables)
        noise = restaurant(
            rng, lambda r: draw_voice(r, parts, rate), places, room, microphones, len(people), rate
        )
    heard = active_samples(talk.speaking[:-1], len(people), rate, FPS)
    return mixed(rng, people, own, heard, noise, snr_db), snr_db if config.tables else None


def _pictures(
    rng: np.random.Generator,
    config: EgocentricConfig,
    guests: list[Guest],
    placed: list[Figure | None],
    shown: list[np.ndarray],
    motion: HeadMotion,
    frames: int,
) -> Iterator[np.ndarray]:
    camera = config.camera
    far_first = sorted(range(len(guests)), key=lambda number: -guests[number].distance_m)
    figures = [(number, figure) for number in far_first if (figure := placed[number]) is not None]
    still = draw_still(rng, camera, [figure for _, figure in figures])
    noise = CameraNoise(rng, camera.width, camera.height, float(rng.uniform(0.006, 0.016)))
    light = np.float32(rng.uniform(0.7, 1.1))
    for frame in range(frames):
        image = still.drawn([(figure, int(shown[number][frame])) for number, figure in figures])
        times = frame / FPS + (np.arange(EXPOSURES) / (EXPOSURES - 1) - 0.5) * EXPOSURE_S
        rotations = [motion.rotation(max(0.0, float(time))) for time in times]
        yield exposed(image * light, still.camera, camera, rotations, noise)


def _masks(rows: list[TruthRow], frames: int, config: EgocentricConfig) -> np.ndarray:
    boxes: list[list[PersonBox]] = [[] for _ in range(frames)]
    for row in rows:
        if row.left_px is not None and row.top_px is not None:
            right, bottom = row.left_px + (row.width_px or 0), row.top_px + (row.height_px or 0)
            boxes[row.frame].append(PersonBox(row.speaker, row.left_px, row.top_px, right, bottom, row.speaking))
    masks = np.stack([speaker_mask(people, config.height, config.width) for people in boxes])
    return np.packbits(masks, axis=2)
