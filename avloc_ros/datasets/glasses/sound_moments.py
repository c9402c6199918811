"""The sound of glasses around every video frame of many scenes, without any picture: what ears learn from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.glasses.recording import scene_folders
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.simulation.sound.clean_speech import resampled
from avloc_ros.sources.scene import Scene, load_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import InputError

APART = 5  # segments around a moment in which nobody may be heard, for it to be a background


class SoundMoments:
    """Every video frame of egocentric scenes as a moment: a window of sound around it.

    rows: per scene what is true in it, of frames that it has sound for; frames: how many those are. Raises InputError
    where there is no scene, or one without sound.
    """

    def __init__(self, paths: Iterable[Path], audio: SegmentAudioConfig) -> None:
        self.audio, self.rows, self.frames = audio, list[list[TruthRow]](), list[int]()
        size, lead = audio.segment_samples, audio.context_segments * audio.segment_samples
        sounds, starts, first = [], [], 0
        for folder in scene_folders(paths):
            scene = load_scene(folder)
            sound = _sound_of(scene, audio)
            frames = round(len(sound) / size)
            self.frames.append(frames)
            self.rows.append([row for row in scene.truth if row.frame < frames])
            sounds.append(np.pad(sound, ((lead, audio.window_samples), (0, 0))).astype(np.float16))
            starts.append(first + size * np.arange(frames))
            first += len(sounds[-1])
        self.sound = torch.from_numpy(np.concatenate(sounds))  # (samples, microphones), scene after scene
        self.starts = torch.from_numpy(np.concatenate(starts))

    def __len__(self) -> int:
        return len(self.starts)

    def windows(self, moments: Tensor) -> Tensor:
        """Sound float32 (batch, samples, microphones) around moments int (batch,); silence beyond the ends of a scene."""
        return self.sound[self.starts[moments, None] + torch.arange(self.audio.window_samples)].float()

    def far_from(self, heard: np.ndarray) -> Tensor:
        """Moments int (..,) around which nothing is heard, bool (moments,), for APART segments of the same scene."""
        ends = np.cumsum(self.frames)[:-1]
        near = [np.convolve(own, np.ones(2 * APART + 1), "same") > 0.5 for own in np.split(heard, ends)]
        return torch.from_numpy(~np.concatenate(near)).nonzero()[:, 0]


def _sound_of(scene: Scene, audio: SegmentAudioConfig) -> np.ndarray:
    """Sound (samples, microphones) at the network's rate."""
    if scene.audio_path is None:
        raise InputError(f"scene {scene.folder} has no sound")
    return resampled(scene.read_audio(), scene.sample_rate_hz, audio.sample_rate_hz)
