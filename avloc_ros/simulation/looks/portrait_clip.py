"""A portrait as a talking clip: any voice, a mouth that follows its loudness, truth by construction."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from avloc_ros.simulation.looks.portraits import Portrait
from avloc_ros.simulation.looks.talker_clip import FPS, TalkerClip
from avloc_ros.simulation.sound.clean_speech import active_rms, speech_activity

CLIP_FACE_PX = 70.0
SILENT_FRAMES = 12  # before and after the speech: what a waiting talker swings through


def portrait_clip(
    portrait: Portrait, voice: np.ndarray, sample_rate_hz: int, face_px: float = CLIP_FACE_PX
) -> TalkerClip:
    """The portrait saying `voice` (samples,), with silence before and after; its face face_px pixels wide."""
    silence = np.zeros(SILENT_FRAMES * sample_rate_hz // FPS, np.float32)
    frames = -(-len(voice) * FPS // sample_rate_hz) + 2 * SILENT_FRAMES
    samples = np.zeros(frames * sample_rate_hz // FPS, np.float32)
    samples[len(silence) : len(silence) + len(voice)] = voice / active_rms(voice, sample_rate_hz)
    loudness = np.sqrt(np.mean(samples.reshape(frames, -1) ** 2, axis=1))
    openness = np.clip(gaussian_filter1d(loudness, 0.6) / 1.4, 0, 1)
    scale = face_px / portrait.box[2]
    sway = 1.5 * face_px / CLIP_FACE_PX  # people never stand quite still
    shift = sway * (1 + np.sin(2 * np.pi * 0.4 * np.arange(frames) / FPS))
    pictures = np.stack(
        [_moved(portrait.speaking(float(o)), scale, float(s)) for o, s in zip(openness, shift, strict=True)]
    )
    boxes = np.tile(portrait.box * scale, (frames, 1))
    boxes[:, 0] += shift
    # Measured on the voice alone: beside digital silence, the noise between its words would count as speech
    spoken = speech_activity(voice, sample_rate_hz, FPS, frames - 2 * SILENT_FRAMES)
    speaking = np.pad(spoken, SILENT_FRAMES)
    return TalkerClip(portrait.name, pictures, boxes, samples, sample_rate_hz, speaking)


def _moved(picture: np.ndarray, scale: float, shift_px: float) -> np.ndarray:
    rows, cols = picture.shape[:2]
    size = int(cols * scale) + 4, int(rows * scale)
    matrix = np.array([[scale, 0, shift_px], [0, scale, 0]], np.float32)
    return np.round(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR) * 255).astype(np.uint8)
