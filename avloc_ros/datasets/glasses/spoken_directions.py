"""The sound of glasses and in which directions people speak or are silent: moments to learn an ear for directions from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.glasses.sound_moments import SoundMoments
from avloc_ros.features.directions.steered_beams import BeamFan
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.sources.person_boxes import WEARER
from avloc_ros.types import InputError

MOST_PEOPLE = 8
BEYOND = 0.5  # beams outside the fan that still count as the outermost one


class SpokenDirections(SoundMoments):
    """Moments, and who speaks where around the wearer, in the picture or not.

    beams: float (moments, MOST_PEOPLE), the direction of each person as a number of a beam, between two of them with a
    fraction; known: bool, that there is somebody, within the fan; speaking: bool, that he speaks. spoken, silent: int
    (..,), moments with and without a speaker within the fan; backgrounds: moments far from any voice but the restaurant's.
    Raises InputError where there is no scene, or where one of these kinds of moments is missing.
    """

    def __init__(self, paths: Iterable[Path], audio: SegmentAudioConfig) -> None:
        super().__init__(paths, audio)
        shape = len(self), MOST_PEOPLE
        azimuths_rad, speaking, wearer = np.full(shape, np.nan), np.zeros(shape, bool), np.zeros(shape[0], bool)
        for first, rows in zip(np.cumsum(self.frames) - self.frames, self.rows, strict=True):
            people = list(dict.fromkeys(row.speaker for row in rows if row.speaker != WEARER))[:MOST_PEOPLE]
            for row in rows:
                if row.speaker == WEARER:
                    wearer[first + row.frame] |= row.speaking
                elif row.speaker in people:
                    place = first + row.frame, people.index(row.speaker)
                    azimuths_rad[place], speaking[place] = row.azimuth_rad, row.speaking
        places = beams_at(np.nan_to_num(azimuths_rad), audio.fan)
        within = np.isfinite(azimuths_rad) & (places > -BEYOND) & (places < audio.beams - 1 + BEYOND)
        self.backgrounds = self.far_from(speaking.any(1) | wearer)
        self.beams, self.known = torch.from_numpy(places).float(), torch.from_numpy(within)
        self.speaking = torch.from_numpy(speaking & within)
        spoken = self.speaking.any(1)
        self.spoken, self.silent = spoken.nonzero()[:, 0], (~spoken).nonzero()[:, 0]
        for name, moments in (("spoken", self.spoken), ("silent", self.silent), ("background", self.backgrounds)):
            if not len(moments):
                raise InputError(f"these scenes have no {name} moment: simulate more of them")


def beams_at(azimuths_rad: np.ndarray, fan: BeamFan) -> np.ndarray:
    """Numbers of beams at azimuths, with fractions between two of them; below 0 or above the last one outside the fan."""
    left, right = fan.azimuths_rad[0], fan.azimuths_rad[-1]
    return (left - azimuths_rad) / (left - right) * (fan.count - 1)


def at_beams(lines: Tensor, places: Tensor) -> Tensor:
    """Values (batch, beams) at numbers of beams (batch, places), on lines between two of them: (batch, places)."""
    places = places.clamp(0, lines.shape[1] - 1)
    before = places.floor().long().clamp(max=lines.shape[1] - 2)
    share = places - before
    return lines.gather(1, before) * (1 - share) + lines.gather(1, before + 1) * share
