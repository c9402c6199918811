"""The same person in another light, other clothes and with other proportions, and in smaller pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from avloc_ros.simulation.looks.talker_clip import TalkerClip

PATCHES = (5, 4)  # rows and columns of places whose light is drawn on their own
COLOUR_SHARE = 0.4  # of the spread of brightness
PROPORTIONS = 0.5  # the largest logarithm of width over height, at a spread of 1


def with_another_look(rng: np.random.Generator, clip: TalkerClip, spread: float) -> TalkerClip:
    """The clip under smooth random gains, the same in all its frames, made wider or narrower.

    spread: 0 to 1, the deviation of the logarithm of brightness between places. Boxes, voice and activity stay, for
    pixels do not move: only what they show changes, and what a pixel measures.
    """
    brightness = rng.normal(0.0, spread, (*PATCHES, 1)) + rng.normal(0.0, 0.5 * spread)
    colour = rng.normal(0.0, COLOUR_SHARE * spread, (*PATCHES, 3))
    frames, rows, cols = clip.cut_outs.shape[:3]
    gains = cv2.resize(np.exp(brightness + colour).astype(np.float32), (cols, rows), interpolation=cv2.INTER_CUBIC)
    cut_outs = clip.cut_outs.copy()
    for frame in range(frames):
        alpha = cut_outs[frame, ..., 3:].astype(np.float32)
        cut_outs[frame, ..., :3] = np.clip(cut_outs[frame, ..., :3] * gains, 0, alpha)
    aspect = np.exp(rng.uniform(-PROPORTIONS, PROPORTIONS) * spread)
    return replace(clip, cut_outs=cut_outs, pixel_aspect=clip.pixel_aspect * float(aspect))


def in_smaller_pictures(clip: TalkerClip, face_px: float) -> TalkerClip:
    """The clip with faces of a mean width of face_px pixels, as it is where they are smaller: what follows costs less."""
    scale = face_px / float(clip.boxes[:, 2].mean())
    if scale >= 1:
        return clip
    rows, cols = clip.cut_outs.shape[1:3]
    size = max(2, round(cols * scale)), max(2, round(rows * scale))
    cut_outs = np.stack([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in clip.cut_outs])
    return replace(clip, cut_outs=cut_outs, boxes=clip.boxes * np.tile(np.array(size) / (cols, rows), 2))
