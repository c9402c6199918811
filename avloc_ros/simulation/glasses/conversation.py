"""Who talks when around the table, the wearer among them, at the clips' rate and at the glasses' rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.simulation.glasses.config import FPS, EgocentricConfig
from avloc_ros.simulation.glasses.guests import Guest
from avloc_ros.simulation.looks.talker_clip import FPS as CLIP_FPS
from avloc_ros.simulation.sound.clean_speech import speech_activity
from avloc_ros.simulation.sound.sound_stage import faded
from avloc_ros.simulation.turns import Turn, draw_turns, shown_frames, speech_excerpt


@dataclass(frozen=True)
class Conversation:
    """turns: at CLIP_FPS; tracks: dry sound (samples,) per talker, the wearer last; speaking: bool (frames,) at FPS."""

    turns: list[Turn]
    tracks: list[np.ndarray]
    speaking: list[np.ndarray]


def converse(
    rng: np.random.Generator, config: EgocentricConfig, guests: list[Guest], own: np.ndarray, frames: int
) -> Conversation:
    """Turns of everybody; own: the wearer's voice (samples,)."""
    rate, clip_frames = config.sample_rate_hz, round(config.seconds * CLIP_FPS)
    own_speaking = speech_activity(own, rate, CLIP_FPS, len(own) * CLIP_FPS // rate)
    voices = [(g.clip.voice, g.clip.speaking) for g in guests] + [(own, own_speaking)]
    excerpts = [speech_excerpt(speaking) for _, speaking in voices]
    turns = draw_turns(rng, excerpts, list(range(len(voices))), clip_frames, CLIP_FPS)
    samples = frames * rate // FPS
    tracks, active = [np.zeros(samples) for _ in voices], [np.zeros(clip_frames, bool) for _ in voices]
    for turn in turns:
        voice, speaking = voices[turn.talker]
        end = min(turn.end, clip_frames)
        active[turn.talker][turn.start : end] |= speaking[turn.excerpt.first : turn.excerpt.first + end - turn.start]
        first, last = (frame * rate // CLIP_FPS for frame in (turn.excerpt.first, turn.excerpt.end))
        part, at = faded(voice[first:last], rate), turn.start * rate // CLIP_FPS
        tracks[turn.talker][at : at + len(part)] += part[: samples - at]
    at_fps = _clip_frame(np.arange(frames))
    return Conversation(turns, tracks, [a[np.minimum(at_fps, clip_frames - 1)] for a in active])


def _clip_frame(frame: np.ndarray) -> np.ndarray:
    """The clip's frame (25 per second) that is shown in a scene's frame (20 per second)."""
    return frame * CLIP_FPS // FPS


def shown_pictures(config: EgocentricConfig, guests: list[Guest], talk: Conversation) -> list[np.ndarray]:
    """Per guest the clip's frame that is shown in each frame of the scene: int (frames,)."""
    clip_frames, frames = round(config.seconds * CLIP_FPS), len(talk.speaking[-1])
    shown = []
    for number, guest in enumerate(guests):
        mine = [turn for turn in talk.turns if turn.talker == number]
        every = shown_frames(mine, guest.clip.frames, speech_excerpt(guest.clip.speaking), clip_frames)
        shown.append(every[np.minimum(_clip_frame(np.arange(frames)), clip_frames - 1)])
    return shown
