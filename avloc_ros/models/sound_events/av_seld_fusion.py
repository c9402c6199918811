"""How av_seld brings sound and picture together: the fusions of the paper's Table 1 (docs/papers.md: av_seld).

Each takes embeddings of equal length, one (batch, frames, width) per encoder, and gives (batch, frames, width_out).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.sound_events.conformer import Attention, Conformer, ConformerConfig, sinusoids

FUSIONS = ("conformer", "cmaf", "cmaf_sequential", "cross_attention", "gru")


@dataclass(frozen=True)
class FusionConfig:
    """Which fusion, and its size."""

    kind: str = setting("conformer", "fusion; with one modality only `conformer` and `gru`", choices=FUSIONS)
    layers: int = setting(4, "layers", low=1, high=64)
    heads: int = setting(8, "attention heads", low=1, high=64)
    conformer_units: int = setting(1024, "feed-forward units of the Conformer", low=1, high=65536)
    attention_units: int = setting(2048, "feed-forward units of a cross-modal block", low=1, high=65536)
    kernel: int = setting(51, "depthwise kernel of the Conformer (odd)", low=1, high=501)
    dropout: float = setting(0.1, "dropout", low=0.0, high=0.9)
    gru_units: int = setting(512, "units of each direction of the GRUs", low=1, high=8192)
    gru_layers: int = setting(2, "bidirectional GRUs", low=1, high=8)


class ConformerFusion(nn.Module):
    """The embeddings side by side, then a Conformer of their joint width."""

    def __init__(self, widths: Sequence[int], config: FusionConfig) -> None:
        super().__init__()
        self.width = sum(widths)
        size = ConformerConfig(
            config.layers, config.heads, config.conformer_units, config.kernel, config.dropout
        )
        self.conformer = Conformer(self.width, size)

    def forward(self, embeddings: list[Tensor]) -> Tensor:
        return self.conformer(torch.cat(embeddings, 2))


class GruFusion(nn.Module):
    """The embeddings side by side, then bidirectional GRUs."""

    def __init__(self, widths: Sequence[int], config: FusionConfig) -> None:
        super().__init__()
        self.width = 2 * config.gru_units
        dropout = config.dropout if config.gru_layers > 1 else 0.0
        self.gru = nn.GRU(
            sum(widths),
            config.gru_units,
            config.gru_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout,
        )

    def forward(self, embeddings: list[Tensor]) -> Tensor:
        return self.gru(torch.cat(embeddings, 2))[0]


class CrossModalBlock(nn.Module):
    """LN(a + SA(a) + CA(a <- b)), then LN(x + FFN(x)) (Qian et al. 2023); without SA it is plain cross-attention."""

    def __init__(self, width: int, config: FusionConfig, self_attention: bool) -> None:
        super().__init__()
        self.own = Attention(width, config.heads, config.dropout) if self_attention else None
        self.cross = Attention(width, config.heads, config.dropout)
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, config.attention_units),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.attention_units, width),
            nn.Dropout(config.dropout),
        )

    def forward(self, frames: Tensor, others: Tensor) -> Tensor:
        added = frames + self.cross(frames, others)
        if self.own is not None:
            added = added + self.own(frames, frames)
        normed = self.first_norm(added)
        return self.second_norm(normed + self.feed_forward(normed))


class CrossModalFusion(nn.Module):
    """Sound attends to picture and picture to sound, layer by layer; both results side by side.

    In parallel (the paper), or one after the other (the public code): then the picture sees the sound that was updated.
    """

    def __init__(self, widths: Sequence[int], config: FusionConfig) -> None:
        super().__init__()
        if len(widths) != 2 or widths[0] != widths[1]:
            raise ValueError(f"cross-modal fusion takes two embeddings of one width, not {list(widths)}")
        self.width = sum(widths)
        self.sequential = config.kind == "cmaf_sequential"
        self_attention = config.kind != "cross_attention"
        self.to_audio, self.to_video = (
            nn.ModuleList(CrossModalBlock(widths[0], config, self_attention) for _ in range(config.layers))
            for _ in range(2)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, embeddings: list[Tensor]) -> Tensor:
        positions = sinusoids(embeddings[0].shape[1], embeddings[0].shape[2]).to(embeddings[0])
        audio, video = (self.dropout(frames + positions) for frames in embeddings)
        for to_audio, to_video in zip(self.to_audio, self.to_video, strict=True):
            heard = to_audio(audio, video)
            video = to_video(video, heard if self.sequential else audio)
            audio = heard
        return torch.cat([audio, video], 2)


def make_fusion(
    widths: Sequence[int], config: FusionConfig
) -> ConformerFusion | GruFusion | CrossModalFusion:
    """The fusion that the config names, for embeddings of these widths; its `width` is that of what it gives."""
    if config.kind == "conformer":
        return ConformerFusion(widths, config)
    return GruFusion(widths, config) if config.kind == "gru" else CrossModalFusion(widths, config)
