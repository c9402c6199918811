"""The sound of glasses and when their wearer speaks: thousands of moments to learn the wearer from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from avloc_ros.datasets.glasses.sound_moments import SoundMoments
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.sources.person_boxes import WEARER
from avloc_ros.types import InputError


class OwnVoiceMoments(SoundMoments):
    """Moments, and whether the wearer speaks.

    speaking: bool (moments,); backgrounds: int (..,), moments far from anything the wearer says. Raises InputError where
    there is no scene, or where the wearer never speaks or is never silent.
    """

    def __init__(self, paths: Iterable[Path], audio: SegmentAudioConfig) -> None:
        super().__init__(paths, audio)
        speaking = np.zeros(len(self), bool)
        for first, rows in zip(np.cumsum(self.frames) - self.frames, self.rows, strict=True):
            for row in rows:
                if row.speaker == WEARER:
                    speaking[first + row.frame] |= row.speaking
        self.speaking, self.backgrounds = torch.from_numpy(speaking), self.far_from(speaking)
        if not self.speaking.any() or not len(self.backgrounds):
            raise InputError("the wearer never speaks in these scenes, or always: nothing to learn from")
