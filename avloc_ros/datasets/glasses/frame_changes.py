"""Small changes of a frame of glasses to learn from: its light, what stands before it, and how its microphones hear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import setting

ERASED_ROWS, ERASED_COLS = (0.05, 0.4), (0.03, 0.2)  # smallest and largest side of what hides a picture, as shares of it


@dataclass(frozen=True)
class FrameChangesConfig:
    """How far learned frames may differ from recorded ones; all 0: not at all.

    Nothing moves a picture sideways or mirrors it: the sound would come from elsewhere, and the array is not symmetric.
    """

    light: float = setting(0.0, "brightness and contrast are drawn within this share", low=0.0, high=0.9)
    noise: float = setting(0.0, "largest deviation of noise on scaled pictures", low=0.0, high=2.0)
    erased: float = setting(0.0, "share of frames a rectangle of one grey hides a part of", low=0.0, high=1.0)
    vertical: float = setting(0.0, "pictures are moved up or down by at most this share of their height", low=0.0, high=0.5)
    gain_db: float = setting(0.0, "deviation of each microphone's gain, dB", low=0.0, high=20.0)

    def pictures(self, pictures: Tensor, *masks: Tensor) -> tuple[Tensor, ...]:
        """Scaled pictures (pictures, colours, rows, cols) and masks (rows, cols) of one frame, changed alike."""
        if self.light:
            contrast, brightness = (2 * torch.rand(2) - 1) * self.light
            pictures = pictures * (1 + contrast) + brightness
        if self.noise:
            pictures = pictures + torch.randn_like(pictures) * float(torch.rand(())) * self.noise
        changed = [pictures, *masks]
        if self.vertical:
            largest = round(self.vertical * pictures.shape[-2])
            changed = _moved_down(changed, int(torch.randint(-largest, largest + 1, ())))
        if self.erased and float(torch.rand(())) < self.erased:
            _erase(changed)
        return tuple(changed)

    def sound(self, window: np.ndarray) -> np.ndarray:
        """A window (samples, microphones) under gains of its own."""
        if not self.gain_db:
            return window
        gains_db = torch.randn(window.shape[1]).numpy() * self.gain_db
        return (window * 10 ** (gains_db / 20)).astype(np.float32)


def _moved_down(maps: list[Tensor], rows: int) -> list[Tensor]:
    """All of them so many rows down, the edge row repeated in pictures, nobody there in masks."""
    count = maps[0].shape[-2]
    source = torch.arange(count) - rows
    held = source.clamp(0, count - 1)
    inside = ((source >= 0) & (source < count)).to(maps[0].dtype)[:, None]
    return [maps[0][..., held, :], *(mask[held] * inside for mask in maps[1:])]


def _erase(maps: list[Tensor]) -> None:
    """One grey in place of a rectangle of all pictures. The masks keep what it hides: a hidden speaker is heard."""
    rows, cols = maps[0].shape[-2:]
    height, width = (
        max(1, int(size * (low + (high - low) * float(torch.rand(())))))
        for size, (low, high) in ((rows, ERASED_ROWS), (cols, ERASED_COLS))
    )
    top, left = int(torch.randint(0, rows - height + 1, ())), int(torch.randint(0, cols - width + 1, ()))
    maps[0] = maps[0].clone()
    maps[0][..., top : top + height, left : left + width] = 2 * float(torch.rand(())) - 1
