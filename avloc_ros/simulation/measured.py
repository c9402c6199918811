"""Scenes from real talkers and measured rooms, with exact truth: `avloc simulate --measured`.

The recipe: a talker is cut off the blue background and pasted where the azimuth of a measured response projects to; the
voice is convolved with that response; truth is the face centre measured on the talker's own clip, moved along with the
paste, and voice activity measured on the clean voice.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.simulation.backdrop import draw_room
from avloc_ros.simulation.clean_speech import active_rms, resampled, speech_activity
from avloc_ros.simulation.kit import Kit
from avloc_ros.simulation.measured_rooms import ELEVATION_RAD, read_response
from avloc_ros.simulation.picture import CameraNoise, Figure, place_figure, render, table_row
from avloc_ros.simulation.scene_plan import FPS, PlannedNoise, PlannedTalker, ScenePlan, Wishes, draw_plan
from avloc_ros.simulation.sound_stage import MixedSound, endless, faded, mix, place
from avloc_ros.simulation.talker_clip import TalkerClip, load_talker_clip, yunet_detector
from avloc_ros.simulation.turns import Excerpt, Turn, draw_turns, shown_frames, speech_excerpt
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.sources.scene import Scene, write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import InputError

VOICE_EXCERPT_S = (1.5, 3.5)
LEVEL_SPREAD_DB = 3.0  # how much louder or softer than the others a talker may be


@dataclass(frozen=True)
class Voice:
    """Clean speech of one talker, active RMS 1, with its activity per frame."""

    samples: np.ndarray
    speaking: np.ndarray


@dataclass(frozen=True)
class Performance:
    """One talker's part in a scene: figure and the clip frame shown per scene frame (None if only heard), activity."""

    planned: PlannedTalker
    figure: Figure | None
    shown: np.ndarray | None
    speaking: np.ndarray


def compose_scene(folder: Path, index: int, *, kit: Kit, seed: int, wishes: Wishes) -> Scene:
    """Draw, render and write scene number `index`; the same kit, seed and index give the same scene."""
    rng = np.random.default_rng([seed, index, kit_number(kit.split)])
    plan = draw_plan(rng, kit, index, wishes)
    extra = {"seed": seed, "index": index, "split": kit.split}
    return perform(folder, kit, plan, rng, audio_only=wishes.audio_only, extra=extra)


def perform(
    folder: Path,
    kit: Kit,
    plan: ScenePlan,
    rng: np.random.Generator,
    *,
    audio_only: bool,
    extra: dict[str, Any],
) -> Scene:
    """Render a plan and write its scene folder."""
    rate = read_response(plan.talkers[0].response.path)[1]
    clips = [_clip(kit, talker, rate) for talker in plan.talkers]
    voices = [_voice(rng, talker, clip, rate) for talker, clip in zip(plan.talkers, clips, strict=True)]
    excerpts = [speech_excerpt(voice.speaking) for voice in voices]
    talkative = [i for i, talker in enumerate(plan.talkers) if not talker.silent]
    turns = draw_turns(rng, excerpts, talkative, plan.frames, FPS)
    performances = [
        _performance(plan, number, clips[number], voices[number], excerpts[number], turns)
        for number in range(len(plan.talkers))
    ]
    sound = _sound(rng, plan, voices, turns, performances, rate)
    return write_scene(
        folder,
        array=kit.array,
        camera=None if audio_only else plan.camera,
        audio=sound.samples,
        sample_rate_hz=rate,
        images=None if audio_only else _pictures(rng, plan, performances),
        fps=FPS,
        truth=truth_rows(plan, performances),
        extra=extra | _description(plan, sound),
    )


def kit_number(split: str) -> int:
    """A number of its own for each split, so that one seed gives three different sets."""
    return {"train": 0, "val": 1, "test": 2, "all": 3}[split]


def truth_rows(plan: ScenePlan, performances: list[Performance]) -> Iterator[TruthRow]:
    """One row per talker and frame."""
    for frame in range(plan.frames):
        for part in performances:
            box = (
                part.figure.boxes[part.shown[frame]]
                if part.figure is not None and part.shown is not None
                else None
            )
            yield _truth_row(plan, part, frame, box)


def _truth_row(plan: ScenePlan, part: Performance, frame: int, box: np.ndarray | None) -> TruthRow:
    response = part.planned.response
    row = TruthRow(
        frame,
        frame / FPS,
        part.planned.name,
        u_px=None,
        v_px=None,
        left_px=None,
        top_px=None,
        width_px=None,
        height_px=None,
        azimuth_rad=float(response.azimuth_rad or 0.0),
        elevation_rad=float(ELEVATION_RAD),
        distance_m=response.distance_m,
        speaking=bool(part.speaking[frame]),
        visible=False,
    )
    if box is None:
        return row
    left, top, width, height = (float(x) for x in box)
    u, v = left + width / 2, top + height / 2
    if not (0 <= u < plan.camera.width and 0 <= v < plan.camera.height):
        return row
    lit = plan.darkness is None or not plan.darkness.hides(u)
    return replace(
        row, u_px=u, v_px=v, left_px=left, top_px=top, width_px=width, height_px=height, visible=lit
    )


def _clip(kit: Kit, talker: PlannedTalker, rate: int) -> TalkerClip | None:
    if talker.clip is None:
        return None
    if kit.face_model is None:
        raise InputError(
            "no face model to measure the talkers' clips with: name a YuNet ONNX file (--face-model)"
        )
    return load_talker_clip(talker.clip, yunet_detector(kit.face_model), rate)


def _voice(rng: np.random.Generator, talker: PlannedTalker, clip: TalkerClip | None, rate: int) -> Voice:
    gain = 10 ** (rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB) / 20)
    if clip is not None:
        return Voice(clip.voice * gain, clip.speaking)
    if talker.voice is None:
        raise InputError(f"talker {talker.name} has neither a clip nor a voice")
    samples = _read_mono(talker.voice, rate)
    length = round(rng.uniform(*VOICE_EXCERPT_S) * FPS) * rate // FPS
    first = int(rng.integers(max(1, len(samples) - length)))
    samples = samples[first : first + length]
    frames = len(samples) * FPS // rate
    speaking = speech_activity(samples, rate, FPS, frames)
    if not speaking.any():
        speaking = np.ones(frames, bool)
    return Voice(samples * gain / active_rms(samples, rate), speaking)


@functools.lru_cache(maxsize=32)
def _read_mono(path: Path, rate: int) -> np.ndarray:
    samples, file_rate = read_audio(path)
    return resampled(samples.mean(axis=1), file_rate, rate)


def _performance(
    plan: ScenePlan, number: int, clip: TalkerClip | None, voice: Voice, excerpt: Excerpt, turns: list[Turn]
) -> Performance:
    planned = plan.talkers[number]
    mine = [turn for turn in turns if turn.talker == number]
    speaking = np.zeros(plan.frames, bool)
    for turn in mine:
        end = min(turn.end, plan.frames)
        speaking[turn.start : end] = voice.speaking[excerpt.first : excerpt.first + end - turn.start]
    if clip is None:
        return Performance(planned, None, None, speaking)
    response = planned.response
    figure = place_figure(
        clip, plan.camera, response.azimuth_rad or 0.0, ELEVATION_RAD, response.distance_m or 1.0
    )
    return Performance(planned, figure, shown_frames(mine, clip.frames, excerpt, plan.frames), speaking)


def _sound(
    rng: np.random.Generator,
    plan: ScenePlan,
    voices: list[Voice],
    turns: list[Turn],
    performances: list[Performance],
    rate: int,
) -> MixedSound:
    samples = plan.frames * rate // FPS
    speech = np.zeros((samples, read_response(plan.talkers[0].response.path)[0].shape[1]))
    for number, talker in enumerate(plan.talkers):
        dry = np.zeros(samples)
        for turn in (turn for turn in turns if turn.talker == number):
            first, end = (frame * rate // FPS for frame in (turn.excerpt.first, turn.excerpt.end))
            part = faded(voices[number].samples[first:end], rate)
            at = turn.start * rate // FPS
            dry[at : at + len(part)] += part[: samples - at]
        speech += place(dry, read_response(talker.response.path)[0])
    heard = np.repeat(np.any([p.speaking for p in performances], axis=0), rate // FPS)
    noise = _noise(rng, plan.noise, samples, rate) if plan.noise else None
    return mix(rng, speech, heard, noise, plan.noise.snr_db if plan.noise else None)


def _noise(rng: np.random.Generator, planned: PlannedNoise, samples: int, rate: int) -> np.ndarray:
    clip = _read_mono(planned.path, rate)
    tracks = []
    for (
        response
    ) in planned.responses:  # each a different stretch, so that many responses make a diffuse field
        tracks.append(place(endless(rng, clip, samples, (0.1, 0.6), rate), read_response(response.path)[0]))
    return np.sum(tracks, axis=0)


def _pictures(
    rng: np.random.Generator, plan: ScenePlan, performances: list[Performance]
) -> Iterator[np.ndarray]:
    seen = [p for p in performances if p.figure is not None and p.shown is not None]
    seen.sort(key=lambda p: -(p.planned.response.distance_m or 0.0))
    camera = plan.camera
    horizon = camera.cy - camera.fy * np.tan(ELEVATION_RAD)
    figures = [p.figure for p in seen if p.figure is not None]
    room = draw_room(rng, camera.width, camera.height, horizon, table_row(camera, figures))
    noise = CameraNoise(rng, camera.width, camera.height, rng.uniform(0.006, 0.016))
    for frame in range(plan.frames):
        now = [(p.figure, int(p.shown[frame])) for p in seen if p.figure is not None and p.shown is not None]
        yield render(room, now, plan.darkness, noise.next())


def _description(plan: ScenePlan, sound: MixedSound) -> dict[str, Any]:
    noise, darkness = plan.noise, plan.darkness
    talkers = [
        {
            "name": t.name,
            "response": t.response.name,
            "azimuth_rad": t.response.azimuth_rad,
            "distance_m": t.response.distance_m,
            "has_face": t.clip is not None,
            "silent": t.silent,
        }
        for t in plan.talkers
    ]
    return {
        "condition": plan.condition,
        "room": plan.room,
        "talkers": talkers,
        "snr_db": sound.snr_db,
        "noise": {"file": noise.path.name, "responses": [r.name for r in noise.responses]} if noise else None,
        "dark": {
            "edge_px": darkness.edge_px,
            "side": "left" if darkness.left_side else "right",
            "gain": darkness.gain,
        }
        if darkness
        else None,
    }
