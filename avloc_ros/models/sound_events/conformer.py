"""The Conformer: self-attention and convolution over time (Gulati et al. 2020).

Networks are torch modules and are imported by offline rooms only; live, their ONNX export runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avloc_ros.config import setting


@dataclass(frozen=True)
class ConformerConfig:
    """Size of a Conformer; its width is that of what it is given."""

    layers: int = setting(4, "layers", low=0, high=64)
    heads: int = setting(8, "attention heads; must divide the width", low=1, high=64)
    feed_forward: int = setting(
        1024, "units between the two layers of a feed-forward half", low=1, high=65536
    )
    kernel: int = setting(51, "length of the depthwise convolution in frames (odd)", low=1, high=501)
    dropout: float = setting(0.1, "dropout", low=0.0, high=0.9)


class Attention(nn.Module):
    """Multi-head attention of queries (batch, frames, width) on other frames (batch, others, width)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, others: Tensor) -> Tensor:
        """What each frame takes from the others, (batch, frames, width)."""
        query, key, value = (
            self._split(self.query(frames)),
            self._split(self.key(others)),
            self._split(self.value(others)),
        )
        scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5  # (batch, heads, frames, others)
        mixed = self.dropout(scores.softmax(-1)) @ value  # (batch, heads, frames, width / heads)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, values: Tensor) -> Tensor:
        return values.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (batch, heads, frames, width / heads)


class FeedForward(nn.Module):
    """Two layers per frame with SiLU, normalised before."""

    def __init__(self, width: int, units: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, units),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(units, width),
            nn.Dropout(dropout),
        )

    def forward(self, frames: Tensor) -> Tensor:
        return self.layers(frames)


class Convolution(nn.Module):
    """Pointwise, gate, depthwise over time, BatchNorm, SiLU, pointwise; normalised before."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"a depthwise kernel of {kernel} has no middle: choose an odd length")
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1),
            nn.GLU(dim=1),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width),
            nn.BatchNorm1d(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
            nn.Dropout(dropout),
        )

    def forward(self, frames: Tensor) -> Tensor:
        return self.layers(self.norm(frames).transpose(1, 2)).transpose(1, 2)


class ConformerLayer(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, each added to its input; then LayerNorm."""

    def __init__(self, width: int, config: ConformerConfig) -> None:
        super().__init__()
        self.before = FeedForward(width, config.feed_forward, config.dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, config.heads, config.dropout)
        self.attention_dropout = nn.Dropout(config.dropout)
        self.convolution = Convolution(width, config.kernel, config.dropout)
        self.after = FeedForward(width, config.feed_forward, config.dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, frames: Tensor) -> Tensor:
        frames = frames + 0.5 * self.before(frames)
        normed = self.attention_norm(frames)
        frames = frames + self.attention_dropout(self.attention(normed, normed))
        frames = frames + self.convolution(frames)
        return self.norm(frames + 0.5 * self.after(frames))


class Conformer(nn.Module):
    """A stack of Conformer layers on (batch, frames, width)."""

    def __init__(self, width: int, config: ConformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConformerLayer(width, config) for _ in range(config.layers))

    def forward(self, frames: Tensor) -> Tensor:
        for layer in self.layers:
            frames = layer(frames)
        return frames


def sinusoids(frames: int, width: int) -> Tensor:
    """Positions (frames, width) as sines and cosines of falling rates (Vaswani et al. 2017)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10000.0)) / width))  # (width / 2,)
    angles = torch.arange(frames)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
