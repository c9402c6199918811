"""From a plan to a scene folder: voices, pictures and truth, whatever the parts come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.geometry import MicrophoneArray
from avloc_ros.simulation.backdrop import draw_room
from avloc_ros.simulation.clean_speech import active_rms, speech_activity
from avloc_ros.simulation.measured_rooms import ELEVATION_RAD, Response
from avloc_ros.simulation.picture import CameraNoise, Figure, place_figure, render, table_row
from avloc_ros.simulation.scene_plan import FPS, PlannedNoise, PlannedTalker, ScenePlan
from avloc_ros.simulation.sound_stage import MixedSound, endless, faded, mix, place
from avloc_ros.simulation.talker_clip import TalkerClip
from avloc_ros.simulation.turns import Excerpt, Turn, draw_turns, shown_frames, speech_excerpt
from avloc_ros.sources.scene import Scene, write_scene
from avloc_ros.sources.truth import TruthRow

VOICE_EXCERPT_S = (1.5, 3.5)
LEVEL_SPREAD_DB = 3.0  # how much louder or softer than the others a talker may be


@dataclass(frozen=True)
class Supply:
    """Where the parts of a plan come from; all sounds at sample_rate_hz.

    response_of: (taps, channels). clip_of: None for a talker who is only heard. voice_of, noise_of: dry mono (samples,).
    """

    array: MicrophoneArray
    sample_rate_hz: int
    response_of: Callable[[Response], np.ndarray]
    clip_of: Callable[[PlannedTalker], TalkerClip | None]
    voice_of: Callable[[PlannedTalker], np.ndarray]
    noise_of: Callable[[PlannedNoise], np.ndarray]


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


def perform(
    folder: Path,
    supply: Supply,
    plan: ScenePlan,
    rng: np.random.Generator,
    *,
    audio_only: bool,
    extra: dict[str, Any],
) -> Scene:
    """Render a plan and write its scene folder."""
    rate = supply.sample_rate_hz
    clips = [supply.clip_of(talker) for talker in plan.talkers]
    voices = [_voice(rng, supply, talker, clip) for talker, clip in zip(plan.talkers, clips, strict=True)]
    excerpts = [speech_excerpt(voice.speaking) for voice in voices]
    talkative = [i for i, talker in enumerate(plan.talkers) if not talker.silent]
    turns = draw_turns(rng, excerpts, talkative, plan.frames, FPS)
    performances = [
        _performance(plan, number, clips[number], voices[number], excerpts[number], turns)
        for number in range(len(plan.talkers))
    ]
    sound = _sound(rng, supply, plan, voices, turns, performances)
    return write_scene(
        folder,
        array=supply.array,
        camera=None if audio_only else plan.camera,
        audio=sound.samples,
        sample_rate_hz=rate,
        images=None if audio_only else _pictures(rng, plan, performances),
        fps=FPS,
        truth=truth_rows(plan, performances),
        extra=extra | _description(plan, sound),
    )


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
    row = TruthRow.unseen(
        frame,
        FPS,
        part.planned.name,
        response.azimuth_rad or 0.0,
        response.elevation_rad,
        response.distance_m,
        bool(part.speaking[frame]),
    )
    if box is None:
        return row
    centre_u = float(box[0] + box[2] / 2)
    lit = plan.darkness is None or not plan.darkness.hides(centre_u)
    return row.with_face(box, plan.camera.width, plan.camera.height, lit)


def _voice(rng: np.random.Generator, supply: Supply, talker: PlannedTalker, clip: TalkerClip | None) -> Voice:
    gain = 10 ** (rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB) / 20)
    if clip is not None:
        return Voice(clip.voice * gain, clip.speaking)
    samples, rate = supply.voice_of(talker), supply.sample_rate_hz
    length = round(rng.uniform(*VOICE_EXCERPT_S) * FPS) * rate // FPS
    first = int(rng.integers(max(1, len(samples) - length)))
    samples = samples[first : first + length]
    frames = len(samples) * FPS // rate
    speaking = speech_activity(samples, rate, FPS, frames)
    if not speaking.any():
        speaking = np.ones(frames, bool)
    return Voice(samples * gain / active_rms(samples, rate), speaking)


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
        clip, plan.camera, response.azimuth_rad or 0.0, response.elevation_rad, response.distance_m or 1.0
    )
    return Performance(planned, figure, shown_frames(mine, clip.frames, excerpt, plan.frames), speaking)


def _sound(
    rng: np.random.Generator,
    supply: Supply,
    plan: ScenePlan,
    voices: list[Voice],
    turns: list[Turn],
    performances: list[Performance],
) -> MixedSound:
    rate = supply.sample_rate_hz
    samples = plan.frames * rate // FPS
    speech = np.zeros((samples, supply.array.channels))
    for number, talker in enumerate(plan.talkers):
        dry = np.zeros(samples)
        for turn in (turn for turn in turns if turn.talker == number):
            first, end = (frame * rate // FPS for frame in (turn.excerpt.first, turn.excerpt.end))
            part = faded(voices[number].samples[first:end], rate)
            at = turn.start * rate // FPS
            dry[at : at + len(part)] += part[: samples - at]
        speech += place(dry, supply.response_of(talker.response))
    heard = np.repeat(np.any([p.speaking for p in performances], axis=0), rate // FPS)
    noise = _noise(rng, supply, plan.noise, samples) if plan.noise else None
    return mix(rng, speech, heard, noise, plan.noise.snr_db if plan.noise else None)


def _noise(rng: np.random.Generator, supply: Supply, planned: PlannedNoise, samples: int) -> np.ndarray:
    clip = supply.noise_of(planned)
    heard = np.zeros((samples, supply.array.channels))
    for (
        response
    ) in planned.responses:  # each a different stretch, so that many responses make a diffuse field
        track = endless(rng, clip, samples, (0.1, 0.6), supply.sample_rate_hz)
        heard += place(track, supply.response_of(response))
    return heard


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
            "has_face": t.has_face,
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
