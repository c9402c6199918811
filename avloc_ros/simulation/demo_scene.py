"""The demo scene: two talkers with espeak-ng voices and photographed faces in a simulated room, 20 s, built in seconds."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from avloc_ros.config import cache_folder
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.demo_script import DURATION_S, FPS, ROLES, Role
from avloc_ros.simulation.looks.backdrop import Room, draw_room
from avloc_ros.simulation.looks.picture import FACE_WIDTH_M, CameraNoise, paste
from avloc_ros.simulation.looks.portraits import Portrait, load_portraits
from avloc_ros.simulation.sound.clean_speech import active_rms, resampled, speech_activity
from avloc_ros.simulation.sound.espeak import speak
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom, heard_along
from avloc_ros.simulation.sound.sound_stage import mix
from avloc_ros.sources.arrays import named_array
from avloc_ros.sources.scene import Scene, load_scene, write_scene
from avloc_ros.sources.truth import TruthRow

SAMPLE_RATE_HZ = 48000
FRAMES = round(DURATION_S * FPS)
ROOM = ShoeboxRoom((6.0, 5.0, 2.8), (2.0, 2.4, 1.4), rt60_s=0.3, max_order=8)
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0, position_m=np.array([0.03, 0.0, 0.05]))
RESPONSE_EVERY_S = 0.2
VERSION = 1  # counts up when the scene changes, so that an old one in the cache is not taken

Progress = Callable[[str, float], None]  # what is being done, and how much of all is done, 0..1


@dataclass(frozen=True)
class Part:
    """One role, performed: dry voice (samples,), per frame activity, openness of the mouth (0..1) and place (frames, 3)."""

    role: Role
    portrait: Portrait
    dry: np.ndarray
    speaking: np.ndarray
    openness: np.ndarray
    places_m: np.ndarray


def demo_scene(progress: Progress | None = None) -> Scene:
    """The demo scene from the cache folder; built on first use."""
    folder = cache_folder() / f"demo_scene_{VERSION}"
    if (folder / "scene.json").is_file():
        return load_scene(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="demo_scene_", dir=folder.parent))
    try:
        build_demo_scene(unfinished, progress=progress)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)  # an interrupted build leaves no half scene behind
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return load_scene(folder)


def build_demo_scene(folder: str | Path, seed: int = 0, progress: Progress | None = None) -> Scene:
    """Build the demo scene in `folder`: 6 microphones at 48 kHz, 720x450 at 25 fps, truth from construction."""
    report = progress or (lambda what, share: None)
    rng = np.random.default_rng(seed)
    array = named_array("head_6mic")
    report("voices and faces", 0.0)
    parts = [_performed(role, portrait) for role, portrait in zip(ROLES, load_portraits(), strict=True)]
    report("sound in the room", 0.2)
    speech = np.sum([_heard(part, array) for part in parts], axis=0)
    heard = np.repeat(np.any([part.speaking for part in parts], axis=0), SAMPLE_RATE_HZ // FPS)
    # A ventilation: the lower, the louder, different at each microphone
    noise = lfilter([1.0], [1.0, -0.95], rng.standard_normal(speech.shape), axis=0)
    sound = mix(rng, speech, heard, noise, 25.0)
    report("pictures", 0.5)
    pictures = _reported(_pictures(rng, parts), report)
    roles = [{"name": p.role.name, "voice": p.role.voice.name} for p in parts]
    scene = write_scene(
        folder,
        array=array,
        camera=CAMERA,
        audio=sound.samples,
        sample_rate_hz=SAMPLE_RATE_HZ,
        images=pictures,
        fps=FPS,
        truth=[_truth(part, frame) for frame in range(FRAMES) for part in parts],
        extra={
            "seed": seed,
            "demo": VERSION,
            "talkers": roles,
            "rt60_s": ROOM.rt60_s,
            "snr_db": sound.snr_db,
        },
    )
    report("done", 1.0)
    return scene


def _performed(role: Role, portrait: Portrait) -> Part:
    samples = round(DURATION_S * SAMPLE_RATE_HZ)
    dry, speaking = np.zeros(samples, np.float32), np.zeros(FRAMES, bool)
    for line in role.lines:
        voice, rate = speak(line.text, role.voice)
        voice = resampled(voice / active_rms(voice, rate), rate, SAMPLE_RATE_HZ)
        first_frame = round(line.start_s * FPS)
        at = first_frame * SAMPLE_RATE_HZ // FPS
        dry[at : at + len(voice)] += voice[: samples - at]
        active = speech_activity(voice, SAMPLE_RATE_HZ, FPS, len(voice) * FPS // SAMPLE_RATE_HZ)
        speaking[first_frame : first_frame + len(active)] |= active[: FRAMES - first_frame]
    level = np.sqrt(np.mean(dry.reshape(FRAMES, -1) ** 2, axis=1))
    openness = np.clip(gaussian_filter1d(level, 0.6) / 1.4, 0, 1)
    return Part(role, portrait, dry, speaking, openness, role.position_m(np.arange(FRAMES) / FPS))


def _heard(part: Part, array: MicrophoneArray) -> np.ndarray:
    path = part.role.position_m(
        np.arange(0, DURATION_S + RESPONSE_EVERY_S, RESPONSE_EVERY_S).clip(0, DURATION_S)
    )
    return heard_along(part.dry, path, ROOM, array.positions_m, SAMPLE_RATE_HZ, RESPONSE_EVERY_S)


def _face(part: Part, frame: int) -> np.ndarray:
    """Box of the face in the picture: left, top, width, height in pixels; it may lie outside."""
    depth_m = float(((part.places_m[frame] - CAMERA.position_m) @ CAMERA.rotation)[0])
    if depth_m < 0.1:
        return np.full(4, np.nan)
    (u, v), _ = CAMERA.project(part.places_m[frame])
    nod = 2.5 * part.openness[frame] * np.sin(2 * np.pi * 1.1 * frame / FPS)  # people move when they talk
    width = FACE_WIDTH_M * CAMERA.fx / depth_m
    height = width * part.portrait.box[3] / part.portrait.box[2]
    return np.array([u - width / 2, v + nod - height / 2, width, height])


def _pictures(rng: np.random.Generator, parts: list[Part]) -> Iterator[np.ndarray]:
    room = draw_room(np.random.default_rng(21), CAMERA.width, CAMERA.height, 215.0, 335.0)
    noise = CameraNoise(rng, CAMERA.width, CAMERA.height, 0.006)
    behind_first = sorted(parts, key=lambda part: -float(part.places_m[0, 0]))
    for frame in range(FRAMES):
        yield _picture(room, behind_first, frame, noise.next())


def _picture(room: Room, parts: list[Part], frame: int, noise: np.ndarray) -> np.ndarray:
    image = room.background.copy()
    for part in parts:
        box = _face(part, frame)
        if np.isfinite(box).all() and -2 * box[2] < box[0] < CAMERA.width + box[2]:
            _paste_portrait(image, part.portrait, box, float(part.openness[frame]))
    image[room.table_row :] = room.table
    return (np.clip(image + noise, 0, 1) * 255).astype(np.uint8)


def _paste_portrait(image: np.ndarray, portrait: Portrait, box: np.ndarray, openness: float) -> None:
    """The portrait scaled so that its face fills the box, placed to a fraction of a pixel."""
    scale = box[2] / portrait.box[2]
    corner = box[:2] - portrait.box[:2] * scale
    left, top = np.floor(corner).astype(int)
    rows, cols = portrait.picture.shape[:2]
    size = (int(cols * scale) + 2, int(rows * scale) + 2)
    shift = np.array([[scale, 0, corner[0] - left], [0, scale, corner[1] - top]], np.float32)
    layer = cv2.warpAffine(portrait.speaking(openness), shift, size, flags=cv2.INTER_AREA)
    paste(image, layer, int(left), int(top))


def _truth(part: Part, frame: int) -> TruthRow:
    place = part.places_m[frame]
    azimuth, elevation = angles_from_direction(place)
    distance_m = float(np.linalg.norm(place))
    speaks = bool(part.speaking[frame])
    row = TruthRow.unseen(frame, FPS, part.role.name, float(azimuth), float(elevation), distance_m, speaks)
    return row.with_face(_face(part, frame), CAMERA.width, CAMERA.height)


def _reported(pictures: Iterator[np.ndarray], report: Progress) -> Iterator[np.ndarray]:
    for number, picture in enumerate(pictures):
        report("pictures", 0.5 + 0.5 * number / FRAMES)
        yield picture
