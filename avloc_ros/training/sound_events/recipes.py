"""Recipes of av_seld, of the DCASE baseline and of coloc, alone or on an ear: every number of a training (config/train/)."""

from __future__ import annotations

from dataclasses import dataclass, field

from avloc_ros.config import setting
from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.decode.coloc_steps import ColocStepsConfig
from avloc_ros.decode.multi_accdoa import MultiAccdoaConfig
from avloc_ros.features.inputs.array_features import ArrayFeatureConfig
from avloc_ros.features.inputs.coloc_features import ColocFeatureConfig
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig
from avloc_ros.models.sound_events.av_seld import AvSeldConfig
from avloc_ros.models.sound_events.coloc import ColocNetworkConfig
from avloc_ros.models.sound_events.coloc_ear import ColocEarConfig
from avloc_ros.models.sound_events.crnn import SeldCrnnConfig


@dataclass(frozen=True)
class SeldOptimizerConfig:
    """How long and how fast to learn (paper Sec. 4: constant for 30 epochs, then 5 % less each epoch)."""

    learning_rate: float = setting(1e-3, "of Adam", low=1e-7, high=1.0)
    batch_size: int = setting(32, "chunks of one step", low=1, high=65536)
    epochs: int = setting(50, "epochs", low=1, high=1_000_000)
    constant_epochs: int = setting(30, "epochs before the rate falls", low=0, high=1_000_000)
    decay: float = setting(0.95, "factor of the rate per epoch after that", low=0.01, high=1.0)
    batches_per_epoch: int = setting(0, "batches of one epoch; 0: all chunks", low=0, high=10_000_000)
    gradient_clip: float = setting(0.0, "largest norm of the gradient; 0: any", low=0.0, high=1e6)
    most_minutes: float = setting(0.0, "training stops after this time; 0: never", low=0.0, high=1e6)
    most_cpu_minutes: float = setting(
        0.0, "training stops after this time of the processor, which other programs do not shorten; 0: never", low=0.0, high=1e6
    )
    cool_down: float = setting(
        0.0, "share of most_cpu_minutes, at its end, over which the rate falls in a line to 0; 0: it does not", low=0.0, high=1.0
    )
    workers: int = setting(0, "processes that prepare chunks", low=0, high=256)
    scaler_chunks: int = setting(2000, "training chunks that the scaler is fitted on", low=1, high=10_000_000)


@dataclass(frozen=True)
class AvSeldRecipe:
    """One row of the paper's Table 1, or the DCASE baseline."""

    name: str = setting("av_seld", "name of the weights")
    system: str = setting("av_seld", "which network", choices=("av_seld", "seld_crnn"))
    input: str = setting("foa", "what the network hears of", choices=("foa", "gcc", "salsa_lite"))
    features: FoaFeatureConfig = field(default_factory=FoaFeatureConfig)
    array_features: ArrayFeatureConfig = field(default_factory=ArrayFeatureConfig)
    network: AvSeldConfig = field(default_factory=AvSeldConfig)
    crnn: SeldCrnnConfig = field(default_factory=SeldCrnnConfig)
    audio_encoder_weights: str = setting(
        "", "audio encoder of an earlier training (audio_encoder.pt); empty: from nothing"
    )
    start_weights: str = setting("", "network.pt of an earlier training of the same network, to go on from; empty: from nothing")
    chunks: ChunkConfig = field(default_factory=ChunkConfig)
    decode: MultiAccdoaConfig = field(default_factory=MultiAccdoaConfig)
    optimizer: SeldOptimizerConfig = field(default_factory=SeldOptimizerConfig)
    best_by: str = setting(
        "macro_seld",
        "which figure of the validation chooses the epoch",
        choices=("macro_seld", "micro_seld", "loss"),
    )

    @property
    def classes(self) -> int:
        """Classes of the network."""
        return self.network.classes if self.system == "av_seld" else self.crnn.classes

    @property
    def looks(self) -> bool:
        """Whether the network takes pictures."""
        return self.system == "av_seld" and self.network.visual != "none"

    @property
    def looks_at_every(self) -> int:
        """It looks at every n-th picture of a chunk only."""
        every = {"plain": self.network.visual_encoder.every, "seen": self.network.seen.every}
        return every.get(self.network.visual, 1)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the pictures that it takes."""
        eyes = self.network.seen if self.network.visual == "seen" else self.network.visual_encoder
        return eyes.picture_width, eyes.picture_height

    @property
    def hears(self) -> bool:
        """Whether the network takes sound."""
        return self.system == "seld_crnn" or self.network.audio


@dataclass(frozen=True)
class ColocRecipe:
    """CoLoC's localizer and classifier (report Sec. 3)."""

    name: str = setting("coloc", "name of the weights")
    classes: int = setting(13, "classes", low=1, high=1000)
    height: int = setting(
        3, "rows of the stacked tracks: events at a time that training knows of", low=1, high=8
    )
    features: ColocFeatureConfig = field(default_factory=ColocFeatureConfig)
    network: ColocNetworkConfig = field(default_factory=ColocNetworkConfig)
    chunks: ChunkConfig = field(default_factory=ChunkConfig)
    steps: ColocStepsConfig = field(default_factory=ColocStepsConfig)
    focal_gamma: float = setting(1.0, "how much less a sure answer counts", low=0.0, high=10.0)
    synthetic_share: float = setting(
        0.5, "share of synthetic chunks, where both kinds are given", low=0.0, high=1.0
    )
    optimizer: SeldOptimizerConfig = field(default_factory=SeldOptimizerConfig)


@dataclass(frozen=True)
class ColocEarRecipe:
    """CoLoC's localizer and classifier made of a trained ear, which stays as it is; chunks and features are the ear's."""

    name: str = setting("coloc_ear", "name of the weights")
    ear: str = setting("av_seld_baseline_small", "shipped weights that hear FOA, and only hear")
    heard_from: float = setting(
        0.5, "what the ear tells from this length on is told too where no direction has its class; 0: not", low=0.0, high=1.0
    )
    classes: int = setting(13, "classes of the ear", low=1, high=1000)
    height: int = setting(3, "rows of the stacked tracks: events at a time that training knows of", low=1, high=8)
    network: ColocEarConfig = field(default_factory=ColocEarConfig)
    steps: ColocStepsConfig = field(default_factory=lambda: ColocStepsConfig(perturb_deg=0.0))
    told_shake_deg: float = setting(
        12.0, "what the localizer is told in training is off by up to this, as directions that were found are", low=0.0, high=45.0
    )
    apart_deg: float = setting(20.0, "events nearer to each other than this are of different classes", low=0.0, high=180.0)
    focal_gamma: float = setting(1.0, "how much less a sure answer counts", low=0.0, high=10.0)
    localizer_s: float = setting(150.0, "processor seconds that the localizer learns", low=0.0, high=1e6)
    classifier_s: float = setting(40.0, "processor seconds that the classifier learns", low=0.0, high=1e6)
    localizer_rate: float = setting(5e-3, "learning rate of the localizer", low=1e-7, high=1.0)
    classifier_rate: float = setting(3e-3, "learning rate of the classifier", low=1e-7, high=1.0)
    batch_size: int = setting(16, "chunks of one step", low=1, high=65536)
