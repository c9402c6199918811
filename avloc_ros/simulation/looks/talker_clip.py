"""A talker filmed before a blue background: cut-outs, face truth, voice and its activity, all at the clip's own pace."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from avloc_ros.simulation.looks.blue_matte import background_model, cut_out, skin_white_balance
from avloc_ros.simulation.sound.clean_speech import active_rms, resampled, speech_activity
from avloc_ros.sources.video_file import video_file_info, video_images, video_sound
from avloc_ros.types import InputError

FPS = 25
SMOOTHING_FRAMES = 2.0  # a head moves slower than a detector's box jitters
PAL_PIXEL_ASPECT = 16 / 15  # 360x288 pixels shown 4:3
BORDER_PX = 3  # the outermost rows and columns of a digitised tape are dark

BoxDetector = Callable[[np.ndarray], np.ndarray]  # BGR picture -> (faces, 5): left, top, width, height, score


@dataclass(frozen=True)
class TalkerClip:
    """Everything a scene needs of one filmed talker.

    cut_outs: uint8 (frames, rows, columns, 4), premultiplied BGR and alpha. boxes: (frames, 4) left, top, width, height
    of the face in the clip's pixels, smoothed. voice: float32 (samples,) with an active RMS of 1. speaking: bool (frames,).
    pixel_aspect: width over height of what one pixel shows.
    """

    name: str
    cut_outs: np.ndarray
    boxes: np.ndarray
    voice: np.ndarray
    sample_rate_hz: int
    speaking: np.ndarray
    pixel_aspect: float = 1.0

    @property
    def frames(self) -> int:
        return len(self.cut_outs)


@functools.lru_cache(maxsize=8)
def load_talker_clip(path: Path, detector: BoxDetector, sample_rate_hz: int) -> TalkerClip:
    """Read, cut out and measure a clip. Raises InputError where it has not 25 fps, no sound or no face."""
    info = video_file_info(path)
    if abs(info.fps - FPS) > 0.01:
        raise InputError(f"{path}: {info.fps:g} pictures per second, need {FPS}")
    images = list(video_images(path))
    boxes = face_boxes(images, detector, str(path))
    background = background_model(np.median(np.stack(images[:: max(1, len(images) // 9)]), axis=0))
    gains = skin_white_balance(_crop(images[0], boxes[0]))
    cut_outs = np.stack([_quantised(cut_out(image, background), gains) for image in images])
    cut_outs[:, :BORDER_PX] = cut_outs[:, :, :BORDER_PX] = cut_outs[:, :, -BORDER_PX:] = 0
    sound, rate = video_sound(path)
    voice = resampled(sound.mean(axis=1), rate, sample_rate_hz).astype(np.float32)
    speaking = speech_activity(voice, sample_rate_hz, FPS, len(images))
    if not speaking.any():
        raise InputError(f"{path}: nobody is heard speaking in this clip")
    return TalkerClip(
        path.stem,
        cut_outs,
        boxes,
        voice / active_rms(voice, sample_rate_hz),
        sample_rate_hz,
        speaking,
        PAL_PIXEL_ASPECT,
    )


def face_boxes(images: list[np.ndarray], detector: BoxDetector, where: str) -> np.ndarray:
    """The talker's face per picture, measured at full size and smoothed: (frames, 4) left, top, width, height in pixels."""
    found = [detector(image) for image in images]
    if not all(len(faces) for faces in found):
        raise InputError(f"{where}: no face found in picture {[len(f) for f in found].index(0)}")
    best = np.array([faces[np.argmax(faces[:, 4]), :4] for faces in found], float)
    middles = np.concatenate([best[:, :2] + best[:, 2:] / 2, best[:, 2:]], axis=1)
    steady = median_filter(middles, size=(5, 1), mode="nearest")
    steady = gaussian_filter1d(steady, SMOOTHING_FRAMES, axis=0, mode="nearest")
    return np.concatenate([steady[:, :2] - steady[:, 2:] / 2, steady[:, 2:]], axis=1)


@functools.lru_cache(maxsize=4)
def yunet_detector(path: Path) -> BoxDetector:
    """YuNet through OpenCV, as a function of one picture. Raises InputError where the model file is missing."""
    if not path.is_file():
        raise InputError(f"no face model at {path}: name a YuNet ONNX file that OpenCV reads (--face-model)")
    network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.5, 0.45, 100)

    def detect(image: np.ndarray) -> np.ndarray:
        network.setInputSize((image.shape[1], image.shape[0]))
        _, found = network.detect(image)
        return np.zeros((0, 5)) if found is None else found[:, [0, 1, 2, 3, -1]].astype(float)

    return detect


def _crop(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    left, top, width, height = box
    rows = slice(int(top + 0.3 * height), int(top + 0.8 * height))
    return image[rows, int(left + 0.2 * width) : int(left + 0.8 * width)]


def _quantised(talker: np.ndarray, gains: np.ndarray) -> np.ndarray:
    *colours, alpha = cv2.split(talker)
    balanced = [np.minimum(colour * gain, alpha) for colour, gain in zip(colours, gains, strict=True)]
    return cv2.convertScaleAbs(cv2.merge([*balanced, alpha]), alpha=255.0)  # rounds
