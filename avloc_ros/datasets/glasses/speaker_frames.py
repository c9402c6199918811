"""Frames of egocentric recordings as tensors: pictures with context, sound features, mask and the wearer's activity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avloc_ros.datasets.glasses.frame_changes import FrameChangesConfig
from avloc_ros.datasets.glasses.recording import EgocentricRecording
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig, segment_features, window_around
from avloc_ros.features.inputs.asl_unet_picture import PictureScaleConfig, picture_maps
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.types import InputError


class SpeakerFrames(Dataset):
    """Items: pictures (pictures, colours, rows, cols), sound (channels, bins, spectra), mask (rows, cols), wearer (),
    faces (rows, cols).

    changes: how items differ from what was recorded, anew each time; for learning.
    """

    def __init__(
        self,
        recordings: Sequence[EgocentricRecording],
        frames: Sequence[tuple[int, int]],
        network: SpeakerUNetConfig,
        audio: SegmentAudioConfig,
        scale: PictureScaleConfig | None = None,
        changes: FrameChangesConfig | None = None,
    ) -> None:
        self.recordings, self.frames = recordings, frames
        self.network, self.audio, self.scale = network, audio, scale or PictureScaleConfig()
        self.changes = changes or FrameChangesConfig()
        for recording in recordings:
            _check(recording, network, audio)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        number, frame = self.frames[index]
        recording = self.recordings[number]
        window = self.changes.sound(window_around(recording.samples, frame, self.audio))
        pictures, mask, faces = self.changes.pictures(
            torch.from_numpy(network_pictures(recording.images, frame, self.network, self.scale)),
            torch.from_numpy(recording.mask(frame).astype(np.float32)),
            torch.from_numpy(recording.faces(frame).astype(np.float32)),
        )
        sound = torch.from_numpy(segment_features(window, self.audio))
        return pictures, sound, mask, torch.tensor(int(recording.wearer_speaking[frame])), faces


def network_pictures(
    images: np.ndarray, frame: int, network: SpeakerUNetConfig, scale: PictureScaleConfig
) -> np.ndarray:
    """Frame and context of images uint8 (frames, rows, cols, 3) BGR: float32 (pictures, colours, rows, cols).

    Beyond the ends the first or last picture stands in. Colours are RGB, or one grey.
    """
    wanted = np.clip(frame + np.array(network.picture_offsets), 0, len(images) - 1)
    return picture_maps([images[number] for number in wanted], network.colours, scale)


def _check(recording: EgocentricRecording, network: SpeakerUNetConfig, audio: SegmentAudioConfig) -> None:
    if recording.images.shape[1:3] != (network.rows, network.cols):
        raise InputError(
            f"recording {recording.name} has pictures of {recording.images.shape[1:3]}, the network takes "
            f"{(network.rows, network.cols)} (rows, cols): read it at that size"
        )
    if recording.sample_rate_hz != audio.sample_rate_hz or recording.samples.shape[1] != audio.microphones:
        raise InputError(
            f"recording {recording.name} has {recording.samples.shape[1]} microphones at {recording.sample_rate_hz} Hz, "
            f"the recipe says {audio.microphones} at {audio.sample_rate_hz} Hz"
        )
    if abs(recording.fps * audio.segment_s - 1) > 1e-3:
        raise InputError(
            f"recording {recording.name} has {recording.fps:g} pictures per second: segment_s must be {1 / recording.fps:g}"
        )
