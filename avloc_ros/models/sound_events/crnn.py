"""The convolutional recurrent trunk of SELDnet (Adavanne et al. 2018), and the DCASE 2022/23 baseline built on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.sound_events.conformer import Attention


@dataclass(frozen=True)
class CrnnConfig:
    """Size of the trunk."""

    filters: int = setting(64, "filters of each convolution", low=1, high=4096)
    frequency_pools: tuple[int, ...] = setting((4, 4, 2), "pooling over frequency after each convolution")
    time_pools: tuple[int, ...] = setting((5, 1, 1), "pooling over time; their product makes one label frame")
    dropout: float = setting(0.05, "dropout", low=0.0, high=0.9)
    gru_units: int = setting(128, "units of each direction", low=1, high=4096)
    gru_layers: int = setting(2, "bidirectional GRUs", low=1, high=8)


class CrnnTrunk(nn.Module):
    """(batch, label frames, gru_units) of features (batch, channels, analysis frames, bins)."""

    def __init__(self, channels: int, bins: int, config: CrnnConfig) -> None:
        super().__init__()
        if len(config.frequency_pools) != len(config.time_pools):
            raise ValueError(
                f"{len(config.frequency_pools)} pools over frequency, but {len(config.time_pools)} over time"
            )
        blocks: list[nn.Module] = []
        for index, pools in enumerate(zip(config.time_pools, config.frequency_pools, strict=True)):
            blocks += [
                nn.Conv2d(config.filters if index else channels, config.filters, 3, padding=1),
                nn.BatchNorm2d(config.filters),
                nn.MaxPool2d(pools),
                nn.ReLU(),  # of the largest is the largest of it: after the pool there are fewer values
                nn.Dropout2d(config.dropout),
            ]
            bins //= pools[1]
        # Filters innermost in memory: convolutions on a CPU are made so, else every map is rearranged before and after.
        self.blocks = nn.Sequential(*blocks).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        dropout = config.dropout if config.gru_layers > 1 else 0.0
        self.gru = nn.GRU(
            config.filters * bins,
            config.gru_units,
            config.gru_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout,
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.of_first_maps(self.blocks[0](features))

    def of_first_maps(self, maps: Tensor) -> Tensor:
        """The same of what the first convolution made: (batch, filters, analysis frames, bins)."""
        maps = self.blocks[1:](maps).transpose(1, 2).flatten(2)  # (batch, label frames, filters * bins)
        forwards, backwards = torch.tanh(self.gru(maps)[0]).chunk(2, 2)
        return forwards * backwards  # once, after the last recurrent layer


@dataclass(frozen=True)
class SeldCrnnConfig:
    """The DCASE baseline: of 2023 with attention after the GRUs, of 2022 without (attention_layers 0)."""

    feature_channels: int = setting(7, "channels of the features", low=1, high=256)
    bands: int = setting(64, "mel bands", low=8, high=1024)
    classes: int = setting(13, "classes", low=1, high=1000)
    tracks: int = setting(3, "events of one class at a time", low=3, high=3)
    attention_layers: int = setting(2, "self-attention layers", low=0, high=16)
    heads: int = setting(8, "attention heads", low=1, high=64)
    dense_units: int = setting(128, "units before the output", low=1, high=8192)
    trunk: CrnnConfig = field(default_factory=CrnnConfig)


class SeldCrnn(nn.Module):
    """Vectors (batch, label frames, tracks * 3 * classes) of features (batch, channels, analysis frames, bands)."""

    def __init__(self, config: SeldCrnnConfig) -> None:
        super().__init__()
        self.config = config
        width = config.trunk.gru_units
        self.register_buffer("feature_mean", torch.zeros(config.feature_channels, 1, config.bands))
        self.register_buffer("feature_deviation", torch.ones(config.feature_channels, 1, config.bands))
        self.trunk = CrnnTrunk(config.feature_channels, config.bands, config.trunk)
        self.attention = nn.ModuleList(
            Attention(width, config.heads, config.trunk.dropout) for _ in range(config.attention_layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.attention_layers))
        self.dense = nn.Linear(width, config.dense_units)
        self.out = nn.Linear(config.dense_units, config.tracks * 3 * config.classes)

    @property
    def hops_per_frame(self) -> int:
        """Analysis frames that become one label frame."""
        return prod(self.config.trunk.time_pools)

    def forward(self, features: Tensor) -> Tensor:
        scaled = (features - self.get_buffer("feature_mean")) / self.get_buffer("feature_deviation")
        frames = self.trunk(scaled)
        for attention, norm in zip(self.attention, self.norms, strict=True):
            frames = norm(frames + attention(frames, frames))
        return torch.tanh(self.out(self.dense(frames)))

    def set_scaler(self, mean: Tensor, deviation: Tensor) -> None:
        """Take over the scaler (channels, bands) that was fitted on the training split."""
        self.get_buffer("feature_mean").copy_(mean[:, None])
        self.get_buffer("feature_deviation").copy_(deviation[:, None])
