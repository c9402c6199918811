"""The same few filmed faces with many voices: a clip in a mirror, and a clip whose mouth moves to another voice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avloc_ros.simulation.looks.talker_clip import FPS, TalkerClip
from avloc_ros.simulation.sound.clean_speech import active_rms, speech_activity
from avloc_ros.simulation.turns import speech_excerpt


def mirrored(clip: TalkerClip) -> TalkerClip:
    """The clip as in a mirror."""
    boxes = clip.boxes.copy()
    boxes[:, 0] = clip.cut_outs.shape[2] - clip.boxes[:, 0] - clip.boxes[:, 2]
    return replace(clip, cut_outs=clip.cut_outs[:, :, ::-1], boxes=boxes)


def dubbed(clip: TalkerClip, voice: np.ndarray) -> TalkerClip:
    """The clip's face with another voice (samples,) at the clip's rate.

    The mouth moves while the voice is heard and rests while it is not, but the words on the lips are others: right for
    where somebody speaks, wrong for reading lips, so scene.json marks such talkers.
    """
    rate = clip.sample_rate_hz
    frames = len(voice) * FPS // rate
    samples = voice[: frames * rate // FPS]
    speaking = speech_activity(samples, rate, FPS, frames)
    if not speaking.any():
        speaking = np.ones(frames, bool)
    excerpt = speech_excerpt(clip.speaking)
    talk = excerpt.first + _to_and_fro(frames, excerpt.frames)
    before, after = np.arange(excerpt.first), np.arange(excerpt.end, clip.frames)
    order = np.concatenate([before, talk, after])
    silent = [np.zeros(len(part) * rate // FPS, np.float32) for part in (before, after)]
    level = (samples / active_rms(samples, rate)).astype(np.float32)
    return replace(
        clip,
        cut_outs=clip.cut_outs[order],
        boxes=clip.boxes[order],
        voice=np.concatenate([silent[0], level, silent[1]]),
        speaking=np.concatenate([np.zeros(len(before), bool), speaking, np.zeros(len(after), bool)]),
    )


def _to_and_fro(count: int, length: int) -> np.ndarray:
    """0 .. length - 1, back to 0, and so on: (count,)."""
    if length < 2:
        return np.zeros(count, int)
    phase = np.arange(count) % (2 * length - 2)
    return np.minimum(phase, 2 * length - 2 - phase)
