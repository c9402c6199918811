"""CoLoC: a localizer that is told what was found already, a classifier that is told where to listen (docs/papers.md: coloc)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from avloc_ros.config import setting
from avloc_ros.models.sound_events.crnn import CrnnConfig, CrnnTrunk

COLOC_TRUNK = CrnnConfig(filters=128)


@dataclass(frozen=True)
class ColocNetworkConfig:
    """Size of the localizer or the classifier, and of the encoder of directions in front of it."""

    feature_channels: int = setting(11, "channels of the features", low=1, high=256)
    bins: int = setting(513, "frequency bins of the features", low=8, high=8193)
    condition_channels: int = setting(5, "channels that directions are encoded to", low=1, high=64)
    dense_units: int = setting(128, "units before the output", low=1, high=8192)
    trunk: CrnnConfig = field(default_factory=lambda: COLOC_TRUNK)


class ConditionedNetwork(nn.Module):
    """Encoder of directions (dense, tanh) and CRNN: the encoding stands beside the features in every frequency bin."""

    def __init__(self, config: ColocNetworkConfig, outputs: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("feature_mean", torch.zeros(config.feature_channels, 1, config.bins))
        self.register_buffer("feature_deviation", torch.ones(config.feature_channels, 1, config.bins))
        self.encoder = nn.Sequential(nn.Linear(3, config.condition_channels), nn.Tanh())
        self.trunk = CrnnTrunk(config.feature_channels + config.condition_channels, config.bins, config.trunk)
        self.dense = nn.Linear(config.trunk.gru_units, config.dense_units)
        self.out = nn.Linear(config.dense_units, outputs)

    def conditioned(self, features: Tensor, encoding: Tensor) -> Tensor:
        """(batch, label frames, outputs) of features (batch, channels, frames, bins), encoding (batch, label frames, c)."""
        scaled = (features - self.get_buffer("feature_mean")) / self.get_buffer("feature_deviation")
        return self.out(self.dense(self.trunk.of_first_maps(self._first_maps(scaled, encoding))))

    def _first_maps(self, scaled: Tensor, encoding: Tensor) -> Tensor:
        """What the first convolution makes of the features with the encoding beside them in every bin.

        It is linear, and the encoding is one over frequency: three bins of it, the lowest, one inside and the highest,
        stand for all. So learning pays for no gradient of the features, and a condition costs next to nothing.
        """
        first = self.trunk.blocks[0]
        assert isinstance(first, nn.Conv2d)
        heard, told = first.weight.split([self.config.feature_channels, self.config.condition_channels], 1)
        repeats = scaled.shape[2] // encoding.shape[1]  # label frames last several analysis frames
        spread = encoding.transpose(1, 2).repeat_interleave(repeats, 2)[..., None].expand(-1, -1, -1, 3)
        lowest, inside, highest = conv2d(spread, told, padding=1).split(1, 3)  # (batch, filters, frames, 1) each
        bins = torch.cat([lowest, inside.expand(-1, -1, -1, scaled.shape[3] - 2), highest], 3)
        return conv2d(scaled, heard, first.bias, padding=1) + bins

    def set_scaler(self, mean: Tensor, deviation: Tensor) -> None:
        """Take over the scaler (channels, bins) that was fitted on the training split."""
        self.get_buffer("feature_mean").copy_(mean[:, None])
        self.get_buffer("feature_deviation").copy_(deviation[:, None])


class Localizer(ConditionedNetwork):
    """The next direction (batch, label frames, 3); near the origin where there is none (report Sec. 2.3)."""

    def __init__(self, config: ColocNetworkConfig) -> None:
        super().__init__(config, 3)

    def forward(self, features: Tensor, found: Tensor, step: Tensor) -> Tensor:
        """found: (batch, rows, label frames, 3), what was found so far, zeros where nothing was; step: (batch,) its number.

        A frame in which fewer than `step` events were found is conditioned on the origin.
        """
        active = (found.abs().sum(3) > 0).to(found.dtype)  # (batch, rows, label frames)
        count = active.sum(1)  # (batch, label frames)
        complete = ((count == step[:, None]) & (count > 0)).to(found.dtype)[..., None]
        mean = (self.encoder(found) * active[..., None]).sum(1) / count.clamp_min(1.0)[..., None]
        origin = self.encoder(torch.zeros_like(found[:, 0]))
        return torch.tanh(self.conditioned(features, complete * mean + (1.0 - complete) * origin))


class Classifier(ConditionedNetwork):
    """Logits (batch, label frames, classes + 1) of what sounds at a direction; the last one is `nothing known`."""

    def __init__(self, config: ColocNetworkConfig, classes: int) -> None:
        super().__init__(config, classes + 1)

    def forward(self, features: Tensor, directions: Tensor) -> Tensor:
        """directions: (batch, label frames, 3), the origin where there is none."""
        return self.conditioned(features, self.encoder(directions))
