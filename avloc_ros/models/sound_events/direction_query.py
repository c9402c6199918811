"""What sounds from a direction: a network that is asked for directions and tells the classes that stand there. Ours.

The direction enters as physics, not as an embedding: beams towards it and away from it, and the part of each cell (frame, bin)
whose sound flows from there. So two places of one class are two questions, each with its own answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from avloc_ros.config import setting
from avloc_ros.features.directions.flow_features import X_Y_Z
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig, mel_of

EVIDENCE_CHANNELS = 9
TINY = 1e-10  # of power
LOWEST_DB = -40.0  # of what a beam or a mask leaves of a band
RARE = -4.0  # logit of a class at first: one of fifty answers is a yes


@dataclass(frozen=True)
class DirectionQueryConfig:
    """What is asked of the spectra, and the sizes of the network that listens to the answers."""

    wide: float = setting(6.0, "sharpness of the wide mask: exp(s (cos - 1))", low=0.1, high=200.0)
    narrow: float = setting(30.0, "sharpness of the narrow mask", low=0.1, high=200.0)
    shared: float = setting(14.0, "sharpness by which cells are shared among the directions", low=0.1, high=200.0)
    apart_deg: float = setting(15.0, "a direction nearer than this takes no share", low=0.0, high=90.0)
    smoothing: int = setting(3, "analysis frames (odd) over which flow and energy of a bin are averaged", low=1, high=31)
    compression: float = setting(0.25, "exponent of a bin's energy in its share of a band", low=0.0, high=1.0)
    filters: tuple[int, ...] = setting((40, 64, 96, 128), "filters of each convolution")
    frequency_pools: tuple[int, ...] = setting((2, 2, 4, 2), "pooling over the bands after each convolution")
    gru_units: int = setting(128, "units of each direction of time", low=1, high=4096)
    gru_layers: int = setting(2, "bidirectional GRUs", low=1, high=8)
    dense_units: int = setting(128, "units before the output", low=1, high=8192)
    dropout: float = setting(0.05, "dropout", low=0.0, high=0.9)


class DirectionEvidence(nn.Module):
    """What a chunk's spectra hold of directions: (batch, queries, EVIDENCE_CHANNELS, analysis frames, mel bands)."""

    def __init__(self, config: DirectionQueryConfig, foa: FoaFeatureConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mel", torch.from_numpy(mel_of(foa).T.copy()), persistent=False)  # (bins, bands)

    def forward(self, spectra: Tensor, directions: Tensor, rivals: Tensor) -> Tensor:
        """spectra: float32 (batch, 8, analysis frames, bins), W, Y, Z, X, their real parts before the imaginary ones.

        directions: unit vectors (batch, queries, label frames, 3), zeros: nobody asks. rivals: (batch, queries, label frames),
        1 where a direction is one from which something else is known to sound, else 0.

        Channels: level of W in dB; what is left of it by a cardioid towards the direction and by one away from it, in the wide
        mask and in the narrow one, all in dB; share of the compressed energy in the narrow mask; in the wide mask after
        sharing with the rivals; flow along the direction; directness, which does not depend on it.
        """
        config, mel = self.config, self.get_buffer("mel")
        real, imaginary = spectra[:, :4], spectra[:, 4:]
        power = real.square() + imaginary.square()
        energy = power.sum(1) + TINY  # (batch, frames, bins)
        flow = real[:, :1] * real[:, X_Y_Z] + imaginary[:, :1] * imaginary[:, X_Y_Z]  # (batch, 3, frames, bins)
        smooth = (config.smoothing, 1)
        beside = (config.smoothing // 2, 0)
        mean_flow = avg_pool2d(flow, smooth, 1, beside, count_include_pad=False)
        mean_energy = avg_pool2d(energy[:, None], smooth, 1, beside, count_include_pad=False)[:, 0]
        length = mean_flow.square().sum(1).sqrt()
        unit = (mean_flow / (length[:, None] + TINY)).transpose(1, 2)  # (batch, frames, 3, bins)
        direct = (2.0 * length / mean_energy).clamp(0.0, 1.0)  # 1: a plane wave
        squeezed = energy**config.compression
        repeats = spectra.shape[2] // directions.shape[2]
        towards = directions.transpose(1, 2).repeat_interleave(repeats, 1)  # (batch, frames, queries, 3)
        cosine = towards @ unit  # (batch, frames, queries, bins)
        narrow = ((cosine - 1.0) * config.narrow).exp() * direct.square()[:, :, None]
        wide = ((cosine - 1.0) * config.wide).exp()
        near = ((cosine - 1.0) * config.shared).exp()
        counts = self._counts(directions, rivals).repeat_interleave(repeats, 1)  # (batch, frames, queries, queries)
        own = near / (near + counts @ near + 1e-3)

        loud = power[:, 0] + TINY
        whole = (loud @ mel)[:, :, None] + TINY  # (batch, frames, 1, bands)
        weight = (squeezed @ mel)[:, :, None] + TINY
        there = towards @ (flow @ mel).transpose(1, 2)  # (batch, frames, queries, bands)
        across = self._across(real, imaginary, towards)
        level = 10.0 * whole.log10()
        directly = (squeezed * direct)[:, :, None]
        loud, squeezed = loud[:, :, None], squeezed[:, :, None]

        def left(part: Tensor) -> Tensor:
            return (10.0 * ((part + TINY) / whole).clamp_min(TINY).log10()).clamp_min(LOWEST_DB)

        channels = [
            level.expand_as(there),
            left(0.25 * (whole + 2 * there + across)),
            left(0.25 * (whole - 2 * there + across)),
            left((wide * loud) @ mel),
            left((narrow * loud) @ mel),
            (narrow * squeezed) @ mel / weight,
            (wide * own * squeezed) @ mel / weight,
            towards @ ((unit * directly) @ mel) / weight,
            (directly @ mel / weight).expand_as(there),
        ]
        return torch.stack(channels, 3).permute(0, 2, 3, 1, 4)

    def _across(self, real: Tensor, imaginary: Tensor, towards: Tensor) -> Tensor:
        """Power of the figure of eight along `towards` (batch, frames, queries, 3): (batch, frames, queries, bands)."""
        found = torch.zeros(())
        for first in range(3):
            for second in range(first, 3):
                one, other = X_Y_Z[first], X_Y_Z[second]
                product = real[:, one] * real[:, other] + imaginary[:, one] * imaginary[:, other]
                along = towards[..., first] * towards[..., second] * (1.0 if first == second else 2.0)
                found = found + along[..., None] * (product @ self.get_buffer("mel"))[:, :, None]
        return found

    def _counts(self, directions: Tensor, rivals: Tensor) -> Tensor:
        """Which direction takes a share from which (batch, label frames, asked, rivals): those that are far enough from it."""
        places = directions.transpose(1, 2)
        far = (places @ places.transpose(2, 3) < math.cos(math.radians(self.config.apart_deg))).to(rivals.dtype)
        return far * rivals.transpose(1, 2)[:, :, None]


class DirectionQuery(nn.Module):
    """Logits (batch, queries, label frames, classes) of what sounds from each direction; each class by itself."""

    def __init__(self, config: DirectionQueryConfig, foa: FoaFeatureConfig, classes: int, frames_per_label: int) -> None:
        super().__init__()
        self.evidence = DirectionEvidence(config, foa)
        self.register_buffer("mean", torch.zeros(EVIDENCE_CHANNELS, 1, foa.mel_bands))
        self.register_buffer("deviation", torch.ones(EVIDENCE_CHANNELS, 1, foa.mel_bands))
        blocks: list[nn.Module] = []
        before, bands = EVIDENCE_CHANNELS, foa.mel_bands
        for index, (filters, pool) in enumerate(zip(config.filters, config.frequency_pools, strict=True)):
            blocks += [
                nn.Conv2d(before, filters, 3, padding=1, bias=False),
                nn.BatchNorm2d(filters),
                nn.MaxPool2d((1 if index else frames_per_label, pool)),
                nn.ReLU(),  # of the largest is the largest of it: after the pool there are fewer values
                nn.Dropout2d(config.dropout),
            ]
            before, bands = filters, bands // pool
        self.blocks = nn.Sequential(*blocks).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        layers = config.gru_layers
        dropout = config.dropout if layers > 1 else 0.0
        self.gru = nn.GRU(before * bands, config.gru_units, layers, batch_first=True, bidirectional=True, dropout=dropout)
        units = config.dense_units
        last = nn.Linear(units, classes)
        nn.init.constant_(last.bias, RARE)
        self.out = nn.Sequential(nn.Linear(2 * config.gru_units, units), nn.ReLU(), last)

    def set_scaler(self, mean: Tensor, deviation: Tensor) -> None:
        """Of the evidence: each (channels, bands)."""
        self.get_buffer("mean").copy_(mean[:, None])
        self.get_buffer("deviation").copy_(deviation[:, None])

    def forward(self, spectra: Tensor, directions: Tensor, rivals: Tensor) -> Tensor:
        """See DirectionEvidence."""
        return self.of_evidence(self.evidence(spectra, directions, rivals))

    def of_evidence(self, evidence: Tensor) -> Tensor:
        """The same of evidence that was made before."""
        scaled = ((evidence - self.get_buffer("mean")) / self.get_buffer("deviation")).flatten(0, 1)
        maps = self.blocks(scaled.contiguous(memory_format=torch.channels_last))  # (batch * queries, filters, ...)
        heard = self.gru(maps.transpose(1, 2).flatten(2))[0]
        return self.out(heard).unflatten(0, evidence.shape[:2])
