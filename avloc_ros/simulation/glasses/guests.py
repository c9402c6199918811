"""The people of an egocentric scene: who they are, where they sit, what they would say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avloc_ros.geometry import direction_from_angles, wrap_angle
from avloc_ros.simulation.glasses.config import EgocentricConfig
from avloc_ros.simulation.glasses.strangers import draw_stranger
from avloc_ros.simulation.looks.another_look import in_smaller_pictures, with_another_look
from avloc_ros.simulation.looks.dubbing import dubbed, mirrored
from avloc_ros.simulation.looks.portrait_clip import CLIP_FACE_PX, portrait_clip
from avloc_ros.simulation.looks.portraits import Portrait, load_portraits
from avloc_ros.simulation.looks.talker_clip import TalkerClip, load_talker_clip, yunet_detector
from avloc_ros.simulation.measured import read_mono
from avloc_ros.simulation.sound.clean_speech import active_rms, resampled
from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak
from avloc_ros.types import InputError

WORDS = (
    "could you pass the bread please because this table is so loud tonight that nobody near the window hears what our "
    "friends from the old harbour said about their summer by the sea and the long way home"
).split()
VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7")


@dataclass(frozen=True)
class EgocentricParts:
    """What people are made of; empty: synthetic voices and the two portraits, mirrored and tinted.

    voices: speech files; clips: filmed talkers, whose faces face_model (a YuNet file) measures. `split` of talkers is
    the caller's: give train and test different files.
    """

    voices: tuple[Path, ...] = ()
    clips: tuple[Path, ...] = ()
    face_model: Path | None = None


@dataclass(frozen=True)
class Guest:
    """Somebody at the table. azimuth_rad, elevation_rad, distance_m: from the wearer's head when it looks straight."""

    name: str
    clip: TalkerClip
    azimuth_rad: float
    elevation_rad: float
    distance_m: float

    @property
    def place_m(self) -> np.ndarray:
        return direction_from_angles(self.azimuth_rad, self.elevation_rad) * self.distance_m


def draw_guests(rng: np.random.Generator, config: EgocentricConfig, parts: EgocentricParts) -> list[Guest]:
    """People at azimuths of their own, evenly spread with some play, in no order."""
    count = int(rng.integers(config.fewest_people, config.most_people + 1))
    widest = np.deg2rad(config.widest_deg)
    azimuths = np.linspace(-widest, widest, count + 1)[:-1] + rng.uniform(0.25, 0.75, count) * 2 * widest / count
    faces = rng.permutation(len(parts.clips)) if parts.clips else np.arange(count)
    guests = []
    for number, azimuth in enumerate(rng.permutation(azimuths)):
        distance = float(rng.uniform(0.8, 2.2))
        elevation = float(np.arctan2(rng.uniform(-0.12, 0.12), distance))
        clip = _clip(rng, config, parts, int(faces[number % len(faces)]))
        guests.append(Guest(f"{clip.name}_{number}", clip, float(wrap_angle(azimuth)), elevation, distance))
    return guests


def _clip(rng: np.random.Generator, config: EgocentricConfig, parts: EgocentricParts, face: int) -> TalkerClip:
    """Somebody filmed, or a portrait; in a light of his own, perhaps mirrored."""
    clip = _person(rng, config, parts, face)
    return with_another_look(rng, clip, config.look_spread) if config.look_spread else clip


def _person(rng: np.random.Generator, config: EgocentricConfig, parts: EgocentricParts, face: int) -> TalkerClip:
    mirror, gains = bool(rng.random() < 0.5), rng.uniform(0.7, 1.15, 3).astype(np.float32)
    if config.stranger_share and rng.random() < config.stranger_share:
        if parts.face_model is None:
            raise InputError("stranger_share needs a YuNet ONNX file that measures faces (face_model)")
        stranger = _varied(draw_stranger(rng, parts.face_model), gains, mirror=mirror)
        return _speaking(rng, config, parts, stranger)
    if parts.clips and rng.random() >= config.portrait_share:
        return _filmed(rng, config, parts, face, gains, mirror=mirror)
    portrait = _varied(load_portraits()[face % 2], gains, mirror=mirror)
    return _speaking(rng, config, parts, portrait)


def _speaking(rng: np.random.Generator, config: EgocentricConfig, parts: EgocentricParts, portrait: Portrait) -> TalkerClip:
    """A portrait with a voice."""
    voice = draw_voice(rng, parts, config.sample_rate_hz)
    return portrait_clip(portrait, voice, config.sample_rate_hz, config.clip_face_px or CLIP_FACE_PX)


def _filmed(
    rng: np.random.Generator,
    config: EgocentricConfig,
    parts: EgocentricParts,
    face: int,
    gains: np.ndarray,
    *,
    mirror: bool,
) -> TalkerClip:
    if parts.face_model is None:
        raise InputError("clips of talkers need a YuNet ONNX file that measures their faces (face_model)")
    clip = load_talker_clip(parts.clips[face], yunet_detector(parts.face_model), config.sample_rate_hz)
    if config.clip_face_px:
        clip = in_smaller_pictures(clip, config.clip_face_px)
    if rng.random() < config.dubbed_share:
        clip = dubbed(clip, draw_voice(rng, parts, config.sample_rate_hz))
    lit = clip.cut_outs.copy()
    np.minimum(lit[..., :3] * gains, lit[..., 3:], out=lit[..., :3], casting="unsafe")
    clip = replace(clip, cut_outs=lit)
    return mirrored(clip) if mirror else clip


def _varied(portrait: Portrait, gains: np.ndarray, *, mirror: bool) -> Portrait:
    """The same person in another light, perhaps seen from the other side."""
    picture = portrait.picture.copy()
    picture[..., :3] = np.minimum(picture[..., :3] * gains, picture[..., 3:])
    box, mouth = portrait.box.copy(), portrait.mouth.copy()
    if mirror:
        width = picture.shape[1]
        picture = np.ascontiguousarray(picture[:, ::-1])
        box[0] = width - box[0] - box[2]
        mouth[:, 0] = width - mouth[::-1, 0]
        mouth[:, 1] = mouth[::-1, 1].copy()
    return Portrait(portrait.name, picture, box, mouth)


def draw_voice(rng: np.random.Generator, parts: EgocentricParts, rate: int) -> np.ndarray:
    """Two to four seconds of dry speech (samples,) with an active RMS of 1."""
    if parts.voices:
        samples = read_mono(parts.voices[int(rng.integers(len(parts.voices)))], rate)
        length = min(len(samples), round(rng.uniform(2.0, 4.0) * rate))
        first = int(rng.integers(len(samples) - length + 1))
        samples = samples[first : first + length]
    else:
        voice = SyntheticVoice(
            f"en-us+{rng.choice(VARIANTS)}", int(rng.integers(25, 75)), int(rng.integers(140, 200))
        )
        spoken, spoken_rate = speak(" ".join(rng.choice(WORDS, 9)), voice)
        samples = resampled(spoken, spoken_rate, rate)
    return samples / active_rms(samples, rate)
