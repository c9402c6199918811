"""From a plan to a scene folder: voices, pictures and truth, whatever the parts come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.looks.scene_picture import Performance, appearance_of, pictures
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.measured_rooms import Response
from avloc_ros.simulation.scene_plan import FPS, PlannedNoise, PlannedTalker, ScenePlan
from avloc_ros.simulation.scene_truth import description, truth_rows
from avloc_ros.simulation.sound.clean_speech import active_rms, speech_activity
from avloc_ros.simulation.sound.sound_stage import MixedSound, endless, faded, mix, place
from avloc_ros.simulation.turns import (
    Excerpt,
    Turn,
    draw_turns,
    draw_turns_together,
    shown_frames,
    speech_excerpt,
)
from avloc_ros.simulation.walking import Walk
from avloc_ros.sources.scene import Scene, write_scene
from avloc_ros.types import InputError

VOICE_EXCERPT_S = (1.5, 3.5)
LEVEL_SPREAD_DB = 3.0  # how much louder or softer than the others a talker may be


def _nobody_walks(dry: np.ndarray, walk: Walk) -> np.ndarray:
    raise InputError("nobody can walk in a measured room: its responses are of fixed positions")


@dataclass(frozen=True)
class Supply:
    """Where the parts of a plan come from; all sounds at sample_rate_hz.

    response_of: (taps, channels). clip_of: None for a talker who is only heard. voice_of, noise_of: dry mono (samples,).
    heard_of: what the array hears of a dry sound whose source walks, (samples, channels); measured rooms have none.
    """

    array: MicrophoneArray
    sample_rate_hz: int
    response_of: Callable[[Response], np.ndarray]
    clip_of: Callable[[PlannedTalker], TalkerClip | None]
    voice_of: Callable[[PlannedTalker], np.ndarray]
    noise_of: Callable[[PlannedNoise], np.ndarray]
    heard_of: Callable[[np.ndarray, Walk], np.ndarray] = _nobody_walks


@dataclass(frozen=True)
class Voice:
    """Clean speech of one talker, active RMS 1, with its activity per frame."""

    samples: np.ndarray
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
    draw = draw_turns_together if plan.together else draw_turns
    turns = draw(rng, excerpts, talkative, plan.frames, FPS)
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
        images=None if audio_only else pictures(rng, plan, performances),
        fps=FPS,
        truth=truth_rows(plan, performances),
        extra=extra | description(plan, sound),
    )


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
    places_m = planned.places_m(plan.frames)
    if clip is None:
        return Performance(planned, None, places_m, speaking)
    shown = shown_frames(mine, clip.frames, excerpt, plan.frames)
    return Performance(planned, appearance_of(plan, number, clip, shown), places_m, speaking)


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
        if talker.walk is None:
            speech += place(dry, supply.response_of(talker.response))
        else:
            speech += supply.heard_of(dry, talker.walk)
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
