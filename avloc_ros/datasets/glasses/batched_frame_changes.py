"""The small changes of datasets.glasses.frame_changes to whole batches, each frame its own, on the device of the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from avloc_ros.datasets.glasses.frame_changes import ERASED_COLS, ERASED_ROWS, FrameChangesConfig


def changed_pictures(
    config: FrameChangesConfig, generator: torch.Generator, pictures: Tensor, *masks: Tensor
) -> tuple[Tensor, ...]:
    """Scaled pictures (batch, pictures, colours, rows, cols) and masks (batch, rows, cols), changed alike."""
    draw = _Draw(generator, len(pictures))
    if config.light:
        pictures = pictures * (1 + config.light * draw.signed()) + config.light * draw.signed()
    if config.noise:
        noise = torch.randn(pictures.shape, generator=generator, device=pictures.device)
        pictures = pictures + noise * (config.noise * draw.share())
    if config.vertical:
        largest = round(config.vertical * pictures.shape[-2])
        down = torch.floor((2 * largest + 1) * draw.share().view(-1)).long() - largest
        pictures, masks = _moved_down(down, pictures, masks)
    if config.erased:
        pictures = _erased(config.erased, draw, pictures)
    return pictures, *masks


def changed_sound(config: FrameChangesConfig, generator: torch.Generator, windows: Tensor) -> Tensor:
    """Windows (batch, samples, microphones), each microphone under a gain of its own."""
    if not config.gain_db:
        return windows
    gains_db = torch.randn(len(windows), 1, windows.shape[2], generator=generator, device=windows.device) * config.gain_db
    return windows * 10 ** (gains_db / 20)


class _Draw:
    def __init__(self, generator: torch.Generator, batch: int) -> None:
        self.generator, self.shape = generator, (batch, 1, 1, 1, 1)

    def share(self) -> Tensor:
        """0 to 1, one per frame."""
        return torch.rand(self.shape, generator=self.generator, device=self.generator.device)

    def signed(self) -> Tensor:
        return 2 * self.share() - 1


def _moved_down(down: Tensor, pictures: Tensor, masks: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All of a frame so many rows down (batch,), the edge row repeated in pictures, nobody there in masks."""
    _, count, colours, rows, cols = pictures.shape
    source = torch.arange(rows, device=pictures.device) - down[:, None]  # (batch, rows)
    held = source.clamp(0, rows - 1)
    inside = ((source >= 0) & (source < rows)).to(pictures.dtype)[..., None]
    moved = pictures.gather(3, held[:, None, None, :, None].expand(-1, count, colours, -1, cols))
    return moved, tuple(mask.gather(1, held[..., None].expand(-1, -1, cols)) * inside for mask in masks)


def _erased(share: float, draw: _Draw, pictures: Tensor) -> Tensor:
    """One grey in place of a rectangle of all pictures of some frames."""
    inside = draw.share() < share
    for axis, (low, high) in ((3, ERASED_ROWS), (4, ERASED_COLS)):
        size = pictures.shape[axis]
        length = (size * (low + (high - low) * draw.share())).floor().clamp(min=1)
        first = torch.floor((size - length + 1) * draw.share())
        at = torch.arange(size, device=pictures.device).view([-1 if d == axis else 1 for d in range(5)])
        inside = inside & (at >= first) & (at < first + length)
    return torch.where(inside, draw.signed(), pictures)
