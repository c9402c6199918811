"""The sound of glasses and when their wearer speaks, without any picture: thousands of moments to learn the wearer from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.egocentric import WEARER, scene_folders
from avloc_ros.features.asl_unet_audio import SegmentAudioConfig
from avloc_ros.simulation.clean_speech import resampled
from avloc_ros.sources.scene import Scene, load_scene
from avloc_ros.types import InputError

APART = 5  # segments around a moment in which the wearer is silent, for it to be a background


class OwnVoiceMoments:
    """Every video frame of egocentric scenes as a moment: a window of sound around it, and whether the wearer speaks.

    speaking: bool (moments,); backgrounds: int (..,), moments far from anything the wearer says. Raises InputError where
    there is no scene, or where the wearer never speaks or is never silent.
    """

    def __init__(self, paths: Iterable[Path], audio: SegmentAudioConfig) -> None:
        self.audio = audio
        size, lead = audio.segment_samples, audio.context_segments * audio.segment_samples
        sounds, starts, speaking, backgrounds, first = [], [], [], [], 0
        for folder in scene_folders(paths):
            sound, own = _sound_of(load_scene(folder), audio)
            sounds.append(np.pad(sound, ((lead, audio.window_samples), (0, 0))).astype(np.float16))
            starts.append(first + size * np.arange(len(own)))
            speaking.append(own)
            backgrounds.append(np.convolve(own, np.ones(2 * APART + 1), "same") < 0.5)
            first += len(sounds[-1])
        self.sound = torch.from_numpy(np.concatenate(sounds))  # (samples, microphones), scene after scene
        self.starts = torch.from_numpy(np.concatenate(starts))
        self.speaking = torch.from_numpy(np.concatenate(speaking))
        self.backgrounds = torch.from_numpy(np.concatenate(backgrounds)).nonzero()[:, 0]
        if not self.speaking.any() or not len(self.backgrounds):
            raise InputError("the wearer never speaks in these scenes, or always: nothing to learn from")

    def __len__(self) -> int:
        return len(self.starts)

    def windows(self, moments: Tensor) -> Tensor:
        """Sound float32 (batch, samples, microphones) around moments int (batch,); silence beyond the ends of a scene."""
        return self.sound[self.starts[moments, None] + torch.arange(self.audio.window_samples)].float()


def _sound_of(scene: Scene, audio: SegmentAudioConfig) -> tuple[np.ndarray, np.ndarray]:
    """Sound (samples, microphones) at the network's rate, and bool (frames,) of the wearer's activity."""
    if scene.audio_path is None:
        raise InputError(f"scene {scene.folder} has no sound")
    sound = resampled(scene.read_audio(), scene.sample_rate_hz, audio.sample_rate_hz)
    speaking = np.zeros(round(len(sound) / audio.segment_samples), bool)
    for row in scene.truth:
        if row.speaker == WEARER and row.frame < len(speaking):
            speaking[row.frame] |= row.speaking
    return sound, speaking
