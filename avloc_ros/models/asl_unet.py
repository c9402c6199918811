"""asl_unet: a U-Net that marks the pixels of whoever speaks, helped by a ResNet18 that hears the microphones."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from avloc_ros.models.asl_unet_config import SpeakerUNetConfig
from avloc_ros.models.resnet18 import ResNet18
from avloc_ros.models.unet import UNet, padded_size
from avloc_ros.types import InputError

__all__ = ["SpeakerMasks", "SpeakerUNet", "SpeakerUNetConfig"]


class SpeakerMasks(NamedTuple):
    """mask: logits (batch, rows, cols) of an active speaker; wearer: logits (batch, 2) of silent and speaking."""

    mask: Tensor
    wearer: Tensor


class SpeakerUNet(nn.Module):
    """Pictures and sound in, a mask of the active speakers and the wearer's own voice activity out."""

    def __init__(self, config: SpeakerUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SpeakerUNetConfig()
        self.audio = ResNet18(config.audio_channels, config.audio_width)
        self.wearer = nn.Linear(self.audio.outputs, 2)
        self.time = nn.Conv2d(config.pictures, 1, 1)
        early, late = config.fusion in ("early", "both"), config.fusion in ("bottleneck", "both")
        self.unet = UNet(config.colours + early, config.width, config.levels, bottleneck_extra=int(late))
        self.early_plane = (config.early_rows or config.rows, config.early_cols or config.cols)
        step = 2**config.levels
        self.late_plane = tuple(size // step for size in padded_size(config.rows, config.cols, step))
        self.to_picture = self._plane(self.early_plane) if early else None
        self.to_bottleneck = self._plane(self.late_plane) if late else None
        self._look_at_the_present()

    def forward(self, pictures: Tensor, sound: Tensor) -> SpeakerMasks:
        """pictures (batch, pictures, colours, rows, cols), normalised; sound (batch, channels, bins, spectra).

        Raises InputError where the pictures have another size than the config's.
        """
        self._check(pictures)
        heard = self.audio(sound)  # (batch, outputs)
        return SpeakerMasks(self._mask(pictures, heard), self.wearer(heard))

    def wearer_logits(self, sound: Tensor) -> Tensor:
        """The wearer's activity alone, (batch, 2), without any picture."""
        return self.wearer(self.audio(sound))

    def _mask(self, pictures: Tensor, heard: Tensor) -> Tensor:
        config = self.config
        by_colour = pictures.transpose(1, 2).flatten(0, 1)  # (batch * colours, pictures, rows, cols)
        image = self.time(by_colour).view(-1, config.colours, config.rows, config.cols)
        if self.to_picture is not None:
            plane = self.to_picture(heard).view(-1, 1, *self.early_plane)
            plane = interpolate(plane, (config.rows, config.cols), mode="bilinear", align_corners=False)
            image = torch.cat([image, plane], dim=1)
        extra = None
        if self.to_bottleneck is not None:
            extra = self.to_bottleneck(heard).view(-1, 1, *self.late_plane)
        rows, cols = padded_size(config.rows, config.cols, 2**config.levels)
        image = pad(image, (0, cols - config.cols, 0, rows - config.rows), mode="replicate")
        return self.unet(image, extra)[:, 0, : config.rows, : config.cols]

    def _plane(self, size: tuple[int, ...]) -> nn.Linear:
        return nn.Linear(self.audio.outputs, size[0] * size[1])

    def _look_at_the_present(self) -> None:
        """Start from the picture of now, not from a blend of all of them."""
        with torch.no_grad():
            self.time.weight.fill_(0.0)
            self.time.weight[:, self.config.context_frames] = 1.0
            if self.time.bias is not None:
                self.time.bias.fill_(0.0)

    def _check(self, pictures: Tensor) -> None:
        config = self.config
        wanted = (config.pictures, config.colours, config.rows, config.cols)
        if tuple(pictures.shape[1:]) != wanted:
            raise InputError(
                f"pictures of {tuple(pictures.shape[1:])} (pictures, colours, rows, cols), this network takes {wanted}"
            )
