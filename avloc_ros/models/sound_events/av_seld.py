"""The whole network of av_seld: encoders, fusion, and a head that gives multi-ACCDOA vectors (docs/papers.md: av_seld)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.sound_events.av_seld_audio import AudioEncoder, AudioEncoderConfig
from avloc_ros.models.sound_events.av_seld_fusion import FusionConfig, make_fusion
from avloc_ros.models.sound_events.av_seld_visual import VisualEncoder, VisualEncoderConfig
from avloc_ros.models.sound_events.seeing_ear import SeeingEar
from avloc_ros.models.sound_events.seen_events import SeenEventsConfig

VISUAL_ENCODERS: dict[str, tuple[str, ...]] = {
    "none": (), "plain": ("plain",), "resnet50": ("resnet50",), "i3d": ("i3d",), "both": ("resnet50", "i3d"),
    "seen": (),
}  # fmt: skip


@dataclass(frozen=True)
class AvSeldConfig:
    """One row of the paper's Table 1."""

    audio: bool = setting(True, "whether the network hears; false: it only looks")
    visual: str = setting(
        "plain",
        "what looks at the pictures; none: it only hears; seen: eyes that point, joined to the ear",
        choices=tuple(VISUAL_ENCODERS),
    )
    classes: int = setting(13, "classes", low=1, high=1000)
    tracks: int = setting(3, "events of one class at a time", low=3, high=3)
    head_units: int = setting(128, "units before the output", low=1, high=8192)
    bands: int = setting(128, "mel bands of the features", low=8, high=1024)
    audio_encoder: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    visual_encoder: VisualEncoderConfig = field(default_factory=VisualEncoderConfig)
    seen: SeenEventsConfig = field(default_factory=SeenEventsConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)


class AvSeld(nn.Module):
    """Vectors (batch, label frames, tracks * 3 * classes) in (-1, 1), in the order track, axis, class.

    features: (batch, channels, analysis frames, bands), unscaled: the scaler of the training is part of the network.
    pictures: (batch, label frames, 3, height, width), RGB in [0, 1]. A network of one modality takes its input alone.
    looked_at_only: pictures are those alone that the plain trunk looks at, of so many label frames; 0: they are all there.
    """

    def __init__(self, config: AvSeldConfig) -> None:
        super().__init__()
        kinds = VISUAL_ENCODERS[config.visual]
        if not config.audio and not kinds:
            raise ValueError("a network that neither hears nor sees has nothing to say")
        if config.visual == "seen" and not config.audio:
            raise ValueError("eyes that point need an ear that tells them where to look")
        self.config = config
        channels = config.audio_encoder.feature_channels
        self.register_buffer("feature_mean", torch.zeros(channels, 1, config.bands))
        self.register_buffer("feature_deviation", torch.ones(channels, 1, config.bands))
        self.audio_encoder = AudioEncoder(config.audio_encoder) if config.audio else None
        self.visual_encoders = nn.ModuleList(VisualEncoder(kind, config.visual_encoder) for kind in kinds)
        widths = [config.audio_encoder.width] * config.audio + [config.visual_encoder.width] * len(kinds)
        self.seeing = SeeingEar(config.classes, widths[0], config.seen) if config.visual == "seen" else None
        self.fusion = make_fusion(widths, config.fusion)
        self.head = nn.Sequential(
            nn.Linear(self.fusion.width, config.head_units),
            nn.Linear(config.head_units, config.tracks * 3 * config.classes),
        )

    def forward(
        self, features: Tensor | None = None, pictures: Tensor | None = None, looked_at_only: int = 0
    ) -> Tensor:
        embeddings = []
        if self.audio_encoder is not None:
            assert features is not None, "this network hears: give features"
            embeddings.append(self.heard(features))
        for encoder in self.visual_encoders:
            assert pictures is not None, "this network looks: give pictures"
            embeddings.append(encoder(pictures, looked_at_only))
        if self.seeing is None:
            return self.told(embeddings)
        assert pictures is not None, "this network looks: give pictures"
        looked_at = pictures if looked_at_only else pictures[:, :: self.config.seen.every]
        return self.told_seeing(embeddings[0], *self.seeing.look(looked_at))

    def heard(self, features: Tensor) -> Tensor:
        """Embeddings (batch, label frames, width) of unscaled features."""
        assert self.audio_encoder is not None
        return self.audio_encoder((features - self.get_buffer("feature_mean")) / self.get_buffer("feature_deviation"))

    def told(self, embeddings: list[Tensor]) -> Tensor:
        """Vectors of the embeddings of all encoders."""
        return torch.tanh(self.head(self.fusion(embeddings)))

    def told_seeing(self, heard: Tensor, logits: Tensor, directions: Tensor) -> Tensor:
        """Vectors of the sound's embeddings and of what SeeingEar.look told of the pictures."""
        assert self.seeing is not None
        vectors = self.told([self.seeing.glimpsed(heard, logits, directions)])
        return self.seeing.pointing(vectors, logits, directions)

    def set_scaler(self, mean: Tensor, deviation: Tensor) -> None:
        """Take over the scaler (channels, bands) that was fitted on the training split."""
        self.get_buffer("feature_mean").copy_(mean[:, None])
        self.get_buffer("feature_deviation").copy_(deviation[:, None])
