"""Scenes from real talkers and measured rooms, with exact truth: `avloc simulate --measured`.

The recipe: a talker is cut off the blue background and pasted where the azimuth of a measured response projects to; the
voice is convolved with that response; truth is the face centre measured on the talker's own clip, moved along with the
paste, and voice activity measured on the clean voice.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from avloc_ros.simulation.kit import Kit
from avloc_ros.simulation.looks.talker_clip import TalkerClip, load_talker_clip, yunet_detector
from avloc_ros.simulation.measured_plan import draw_plan
from avloc_ros.simulation.measured_rooms import read_response
from avloc_ros.simulation.performance import Supply, perform
from avloc_ros.simulation.scene_plan import PlannedTalker, Wishes
from avloc_ros.simulation.sound.clean_speech import resampled
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.sources.scene import Scene
from avloc_ros.types import InputError


def compose_scene(folder: Path, index: int, *, kit: Kit, seed: int, wishes: Wishes) -> Scene:
    """Draw, render and write scene number `index`; the same kit, seed and index give the same scene."""
    rng = np.random.default_rng([seed, index, kit_number(kit.split)])
    plan = draw_plan(rng, kit, index, wishes)
    rate = read_response(plan.talkers[0].response.path)[1]
    extra = {"seed": seed, "index": index, "split": kit.split}
    return perform(folder, kit_supply(kit, rate), plan, rng, audio_only=wishes.audio_only, extra=extra)


def kit_supply(kit: Kit, rate: int) -> Supply:
    """The parts as they lie in a data kit."""
    return Supply(
        array=kit.array,
        sample_rate_hz=rate,
        response_of=lambda response: read_response(response.path)[0],
        clip_of=lambda talker: measured_clip(kit, talker, rate),
        voice_of=lambda talker: recorded_voice(talker, rate),
        noise_of=lambda noise: read_mono(noise.path, rate),
    )


def kit_number(split: str) -> int:
    """A number of its own for each split, so that one seed gives three different sets."""
    return {"train": 0, "val": 1, "test": 2, "all": 3}[split]


def measured_clip(kit: Kit, talker: PlannedTalker, rate: int) -> TalkerClip | None:
    """The filmed talker; None where there is only a voice. Raises InputError without a model to measure the face."""
    if talker.clip is None:
        return None
    if kit.face_model is None:
        raise InputError(
            "no face model to measure the talkers' clips with: name a YuNet ONNX file (--face-model)"
        )
    return load_talker_clip(talker.clip, yunet_detector(kit.face_model), rate)


def recorded_voice(talker: PlannedTalker, rate: int) -> np.ndarray:
    """The talker's speech file, mono."""
    if talker.voice is None:
        raise InputError(f"talker {talker.name} has neither a clip nor a voice")
    return read_mono(talker.voice, rate)


@functools.lru_cache(maxsize=32)
def read_mono(path: Path, rate: int) -> np.ndarray:
    """A sound file as float32 (samples,) at a rate in hertz; its channels are averaged."""
    samples, file_rate = read_audio(path)
    return resampled(samples.mean(axis=1), file_rate, rate)
