"""Scenes in simulated rectangular rooms: `avloc simulate`. Works with nothing but what PyPI brings.

Voices and noises come from folders where given, else from espeak-ng and a noise generator; faces from clips before a
blue background where given, else from the two portraits of the demo.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from avloc_ros.simulation.looks.dubbing import dubbed, mirrored
from avloc_ros.simulation.looks.portrait_clip import portrait_clip
from avloc_ros.simulation.looks.portraits import Portrait, load_portraits
from avloc_ros.simulation.looks.talker_clip import TalkerClip, load_talker_clip, yunet_detector
from avloc_ros.simulation.measured import kit_number, read_mono
from avloc_ros.simulation.measured_rooms import position_m
from avloc_ros.simulation.performance import Supply, perform
from avloc_ros.simulation.scene_plan import PlannedNoise, PlannedTalker, Wishes
from avloc_ros.simulation.shoebox_plan import ShoeboxParts, draw_room_and_plan
from avloc_ros.simulation.sound.clean_speech import resampled
from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom, heard_along
from avloc_ros.simulation.walking import Walk
from avloc_ros.sources.scene import Scene

RESPONSE_EVERY_S = 0.1  # of a walking talker: 10 cm at 1 m/s
VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7")
WORDS = (
    "the water in this small valley was cold and clear when we came home last summer with eight old friends who had "
    "never seen such a river before and wanted to hear its voice again under those wide trees near her garden wall"
).split()


def compose_shoebox(folder: Path, index: int, *, parts: ShoeboxParts, seed: int, wishes: Wishes) -> Scene:
    """Draw, simulate and write scene number `index`; the same parts, seed and index give the same scene."""
    rng = np.random.default_rng(scene_seed(parts, seed, index))
    room, plan = draw_room_and_plan(rng, parts, index, wishes)
    rate, microphones_m = parts.sample_rate_hz, parts.array.positions_m
    needed = [t.response for t in plan.talkers if t.walk is None]
    needed += list(plan.noise.responses) if plan.noise else []
    places = np.array([position_m(response) for response in needed])
    found = room.responses(microphones_m, places, rate) if needed else []
    voices = {t.name: _voice(rng, t, rate) for t in plan.talkers}
    noise = _noise(rng, plan.noise, rate)
    supply = Supply(
        array=parts.array,
        sample_rate_hz=rate,
        response_of=dict(zip(needed, found, strict=True)).__getitem__,
        clip_of=lambda talker: _clip(parts, talker, voices[talker.name]),
        voice_of=lambda talker: voices[talker.name],
        noise_of=lambda _: noise,
        heard_of=functools.partial(_heard_walking, room, microphones_m, rate),
    )
    extra = {"seed": seed, "index": index, "room_size_m": room.size_m, "rt60_s": room.rt60_s}
    extra |= {"split": parts.split} if parts.split else {}
    return perform(folder, supply, plan, rng, audio_only=wishes.audio_only, extra=extra)


def scene_seed(parts: ShoeboxParts, seed: int, index: int) -> list[int]:
    """What a scene's draws start from; each split of a data kit has rooms and places of its own."""
    return [seed, index, 77, *([kit_number(parts.split)] if parts.split else [])]


def _heard_walking(
    room: ShoeboxRoom, microphones_m: np.ndarray, rate: int, dry: np.ndarray, walk: Walk
) -> np.ndarray:
    duration_s = len(dry) / rate
    path = walk.places_m(np.arange(0.0, duration_s + RESPONSE_EVERY_S, RESPONSE_EVERY_S))
    return heard_along(dry, path, room, microphones_m, rate, RESPONSE_EVERY_S)


def _voice(rng: np.random.Generator, talker: PlannedTalker, rate: int) -> np.ndarray:
    """An excerpt of the talker's file, or a sentence of drawn words in a drawn voice."""
    if talker.voice is not None:
        samples = read_mono(talker.voice, rate)
        length = min(len(samples), 3 * rate)
        first = int(rng.integers(len(samples) - length + 1))
        return samples[first : first + length]
    if talker.clip is not None and not talker.dubbed:
        return np.zeros(0)  # the clip brings its own
    variant = rng.choice(VARIANTS[:5] if talker.portrait else VARIANTS)
    voice = SyntheticVoice(f"en-us+{variant}", int(rng.integers(25, 75)), int(rng.integers(140, 190)))
    samples, spoken_rate = speak(" ".join(rng.choice(WORDS, 8)), voice)
    return resampled(samples, spoken_rate, rate)


def _noise(rng: np.random.Generator, planned: PlannedNoise | None, rate: int) -> np.ndarray:
    if planned is None or planned.path != Path("generated"):
        return np.zeros(0) if planned is None else read_mono(planned.path, rate)
    return lfilter([1.0], [1.0, -float(rng.uniform(0.0, 0.97))], rng.standard_normal(4 * rate))


def _clip(parts: ShoeboxParts, talker: PlannedTalker, voice: np.ndarray) -> TalkerClip | None:
    if talker.clip is not None and parts.face_model is not None:
        clip = load_talker_clip(talker.clip, yunet_detector(parts.face_model), parts.sample_rate_hz)
        clip = dubbed(clip, voice) if talker.dubbed else clip
    elif talker.portrait is not None:
        clip = portrait_clip(_portrait(talker.portrait), voice, parts.sample_rate_hz)
    else:
        return None
    return mirrored(clip) if talker.mirrored else clip


def _portrait(name: str) -> Portrait:
    return next(portrait for portrait in load_portraits() if portrait.name == name)
