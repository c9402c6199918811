"""asl_unet: a U-Net that marks the pixels of whoever speaks, helped by a ResNet18 that hears the microphones."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from avloc_ros.models.asl_unet.beam_plane import BeamPlane
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.direction_ear import DirectionEar
from avloc_ros.models.asl_unet.resnet18 import ResNet18
from avloc_ros.models.asl_unet.unet import UNet, padded_size
from avloc_ros.models.asl_unet.wearer_ear import WearerEar
from avloc_ros.types import InputError

__all__ = ["SpeakerAnswer", "SpeakerDirections", "SpeakerFaces", "SpeakerMasks", "SpeakerUNet", "SpeakerUNetConfig"]

RARE = 0.01  # share of speakers' pixels that an untrained mask expects


class SpeakerMasks(NamedTuple):
    """mask: logits (batch, rows, cols) of an active speaker; wearer: logits (batch, 2) of silent and speaking."""

    mask: Tensor
    wearer: Tensor


class SpeakerFaces(NamedTuple):
    """The same with faces: logits (batch, rows, cols) of anybody's face."""

    mask: Tensor
    wearer: Tensor
    faces: Tensor


class SpeakerDirections(NamedTuple):
    """The same with directions: logits (batch, beams) of somebody who speaks in each beam's direction."""

    mask: Tensor
    wearer: Tensor
    faces: Tensor
    directions: Tensor


class SpeakerAnswer(NamedTuple):
    """All that can be learned from: masks; faces, logits (batch, rows, cols) of anybody's face, or None without config.faces.

    planes: what the sound draws, logits (batch, plane rows, plane cols), one per place of fusion. The ear for directions
    is no part of it: it learns alone (training.asl_unet.directions).
    """

    mask: Tensor
    wearer: Tensor
    faces: Tensor | None = None
    planes: tuple[Tensor, ...] = ()


class HeardPlane(nn.Module):
    """What the sound draws, (batch, 1, rows, cols): from the ResNet's features and, where there are any, from beams."""

    def __init__(self, features: int, beams: int, rows: int, cols: int) -> None:
        super().__init__()
        self.size = rows, cols
        self.linear = nn.Linear(features, rows * cols)
        self.steered = BeamPlane(beams, rows, cols) if beams else None

    def forward(self, sound: Tensor, heard: Tensor) -> Tensor:
        """sound (batch, channels, bins, spectra); heard (batch, features)."""
        plane = self.linear(heard).view(-1, 1, *self.size)
        return plane if self.steered is None else plane + self.steered(sound)


class SpeakerUNet(nn.Module):
    """Pictures and sound in, a mask of the active speakers and the wearer's own voice activity out."""

    def __init__(self, config: SpeakerUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SpeakerUNetConfig()
        self.audio = ResNet18(config.audio_channels, config.audio_width)
        self.wearer = self._wearer_head()
        self.directions = self._direction_ear()
        self.dropout = nn.Dropout(config.dropout)
        self.time = nn.Conv2d(config.pictures, config.time_maps, 1)
        early, late = config.fusion in ("early", "both"), config.fusion in ("bottleneck", "both")
        area, seen = config.patch**2, config.colours * config.time_maps + early
        self.unet = UNet(area * seen, config.width, config.levels, int(late), outputs=area * (1 + config.faces))
        self.early_plane = (config.early_rows or config.rows, config.early_cols or config.cols)
        padded = padded_size(config.rows, config.cols, config.step)
        self.late_plane = padded[0] // config.step, padded[1] // config.step
        self.to_picture = self._plane(self.early_plane) if early else None
        self.to_bottleneck = self._plane(self.late_plane) if late else None
        self._look_at_the_present()
        if self.unet.output.bias is not None:
            nn.init.constant_(self.unet.output.bias, math.log(RARE / (1 - RARE)))

    def forward(self, pictures: Tensor, sound: Tensor) -> SpeakerMasks | SpeakerFaces | SpeakerDirections:
        """pictures (batch, pictures, colours, rows, cols), normalised; sound (batch, channels, bins, spectra).

        With config.faces the answer has a mask of all faces too, with config.direction_filters also where somebody is heard.
        Raises InputError where the pictures have another size than the config's.
        """
        found = self.answer(pictures, sound)
        if found.faces is None:
            return SpeakerMasks(found.mask, found.wearer)
        if self.directions is not None:
            return SpeakerDirections(found.mask, found.wearer, found.faces, self.directions(sound))
        return SpeakerFaces(found.mask, found.wearer, found.faces)

    def answer(self, pictures: Tensor, sound: Tensor) -> SpeakerAnswer:
        """The same with all that is learned from. Raises InputError as forward does."""
        self._check(pictures)
        heard = self.dropout(self.audio(sound))  # (batch, outputs)
        early = None if self.to_picture is None else self.to_picture(sound, heard)
        late = None if self.to_bottleneck is None else self.to_bottleneck(sound, heard)
        masks = self._masks(pictures, early, late)  # (batch, 1 or 2, rows, cols)
        faces = masks[:, 1] if self.config.faces else None
        planes = tuple(plane[:, 0] for plane in (early, late) if plane is not None)
        return SpeakerAnswer(masks[:, 0], self._own_voice(sound, heard), faces, planes)

    def wearer_logits(self, sound: Tensor) -> Tensor:
        """The wearer's activity alone, (batch, 2), without any picture."""
        return self._own_voice(sound, None if self.config.ear_filters else self.dropout(self.audio(sound)))

    def _wearer_head(self) -> nn.Module:
        config = self.config
        if not config.ear_filters:
            return nn.Linear(self.audio.outputs, 2)
        return WearerEar(config.audio_channels - config.beams, config.spectra, config.ear_filters)

    def _direction_ear(self) -> DirectionEar | None:
        config = self.config
        if not config.direction_filters:
            return None
        levels = config.audio_channels - config.beams
        return DirectionEar(levels, config.beams, config.bins, config.spectra, config.direction_filters)

    def _own_voice(self, sound: Tensor, heard: Tensor | None) -> Tensor:
        """The wearer's logits (batch, 2): by an ear of their own, or from the ResNet's features."""
        return self.wearer(sound if self.config.ear_filters else heard)

    def _masks(self, pictures: Tensor, early: Tensor | None, late: Tensor | None) -> Tensor:
        config = self.config
        by_colour = pictures.transpose(1, 2).flatten(0, 1)  # (batch * colours, pictures, rows, cols)
        image = self.time(by_colour).view(-1, config.colours * config.time_maps, config.rows, config.cols)
        if early is not None:
            plane = interpolate(early, (config.rows, config.cols), mode="bilinear", align_corners=False)
            image = torch.cat([image, plane], dim=1)
        rows, cols = padded_size(config.rows, config.cols, config.step)
        image = pad(image, (0, cols - config.cols, 0, rows - config.rows), mode="replicate")
        if config.patch == 1:
            masks = self.unet(image, late)
        else:
            masks = pixel_shuffle(self.unet(pixel_unshuffle(image, config.patch), late), config.patch)
        return masks[:, :, : config.rows, : config.cols]

    def _plane(self, size: tuple[int, int]) -> HeardPlane:
        return HeardPlane(self.audio.outputs, self.config.beams, *size)

    def _look_at_the_present(self) -> None:
        """Start from the picture of now, not from a blend of all of them; further maps: how it differs from the others."""
        present, others = self.config.context_frames, self.config.pictures - 1
        with torch.no_grad():
            self.time.weight.fill_(0.0)
            self.time.weight[:, present] = 1.0
            if others:
                self.time.weight[1:] -= 1 / others
                self.time.weight[1:, present] = 1.0
            if self.time.bias is not None:
                self.time.bias.fill_(0.0)

    def _check(self, pictures: Tensor) -> None:
        config = self.config
        wanted = (config.pictures, config.colours, config.rows, config.cols)
        if tuple(pictures.shape[1:]) != wanted:
            raise InputError(
                f"pictures of {tuple(pictures.shape[1:])} (pictures, colours, rows, cols), this network takes {wanted}"
            )
