"""Frames of packed scenes of glasses as whole batches on one device: pictures, boxes as masks, who speaks around them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.glasses.pack import FULL_SCALE, GlassesFrames
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.features.inputs.asl_unet_picture import PictureScaleConfig
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig

Redrawn = Callable[[Tensor], Tensor]  # other boxes (.., 4) in place of boxes, from which masks are drawn


class DeviceFrames:
    """Everything but the sound of GlassesFrames as tensors on a device, moved there once.

    pictures uint8 (frames, colours, rows, cols), RGB or grey; boxes (frames, people, 4); speaking, wearer bool.
    """

    def __init__(
        self, frames: GlassesFrames, network: SpeakerUNetConfig, scale: PictureScaleConfig, device: torch.device
    ) -> None:
        self.network, self.scale, self.device = network, scale, device
        self.offsets = torch.tensor(network.picture_offsets, device=device)
        self.pictures = torch.from_numpy(_in_colours(frames.pictures, network.colours)).to(device)
        self.boxes, self.speaking, self.wearer, self.scene, self.places_m, self.rotations = (
            torch.from_numpy(np.ascontiguousarray(value)).to(device)
            for value in (frames.boxes, frames.speaking, frames.wearer, frames.scene, frames.places_m, frames.rotations)
        )
        first = frames.first_frames
        last = np.r_[first[1:], len(frames)] - 1
        self.first, self.last = (torch.from_numpy(ends).to(device) for ends in (first, last))

    def around(self, frames: Tensor, offsets: Tensor) -> Tensor:
        """Frame numbers (batch, offsets); beyond the ends of a scene its first or last."""
        scene = self.scene[frames][:, None]
        return (frames[:, None] + offsets).clamp(self.first[scene], self.last[scene])

    def pictures_of(self, frames: Tensor) -> Tensor:
        """(batch, pictures, colours, rows, cols), scaled for the network."""
        values = self.pictures[self.around(frames, self.offsets)].float() / 255
        return (values - self.scale.mean) / self.scale.deviation

    @property
    def seen(self) -> Tensor:
        """Whose face is in the picture: bool (frames, people)."""
        return self.boxes[..., 2] > self.boxes[..., 0]


def windows_of(frames: GlassesFrames, chosen: np.ndarray, config: SegmentAudioConfig) -> np.ndarray:
    """What was recorded around chosen frames: float32 (chosen, samples, microphones); silence beyond the ends."""
    scene, start = frames.scene[chosen], frames.first_frames
    size = config.segment_samples
    first = (chosen - start[scene] - config.context_segments) * size
    at = first[:, None] + np.arange(config.window_samples)
    lengths = np.bincount(frames.scene, minlength=len(start))[scene] * size  # what was padded is silent already
    inside = (at >= 0) & (at < np.minimum(lengths, frames.samples.shape[1])[:, None])
    found = frames.samples[scene[:, None], at.clip(0, frames.samples.shape[1] - 1)]
    return np.where(inside[..., None], found, 0).astype(np.float32) / FULL_SCALE


def masks_of(boxes: Tensor, wanted: Tensor, rows: int, cols: int) -> Tensor:
    """1 inside those boxes (batch, people, 4) that are wanted, bool (batch, people): float32 (batch, rows, cols).

    As datasets.glasses.recording.box_mask: edges are rounded to pixels.
    """
    left, top, right, bottom = torch.floor(boxes + 0.5)[..., None].unbind(2)  # each (batch, people, 1)
    x, y = torch.arange(cols, device=boxes.device), torch.arange(rows, device=boxes.device)
    across = ((x >= left) & (x < right) & wanted[..., None]).float()  # (batch, people, cols)
    down = ((y >= top) & (y < bottom)).float()
    return torch.einsum("bpr,bpc->brc", down, across).clamp(max=1)


def _in_colours(pictures: np.ndarray, colours: int) -> np.ndarray:
    """BGR (frames, rows, cols, 3) as (frames, colours, rows, cols), as features.inputs.asl_unet_picture has them."""
    if colours == 3:
        return np.ascontiguousarray(pictures[..., ::-1].transpose(0, 3, 1, 2))
    return np.stack([cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in pictures])[:, None]
