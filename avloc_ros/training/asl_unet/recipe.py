"""What a training of asl_unet is made of: its recipe, and the loss that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, binary_cross_entropy_with_logits, cross_entropy

from avloc_ros.config import setting
from avloc_ros.datasets.glasses.frame_changes import FrameChangesConfig
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.features.inputs.asl_unet_picture import PictureScaleConfig
from avloc_ros.losses.segmentation import SegmentationLossConfig, segmentation_loss
from avloc_ros.models.asl_unet.network import SpeakerAnswer, SpeakerUNet, SpeakerUNetConfig
from avloc_ros.types import InputError

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]  # pictures, sound, mask, wearer, faces


@dataclass(frozen=True)
class SpeakerUNetRecipe:
    """Everything that decides a training run but its data and its seed."""

    name: str = setting("asl_unet", "name of the weights")
    network: SpeakerUNetConfig = field(default_factory=SpeakerUNetConfig)
    audio: SegmentAudioConfig = field(default_factory=SegmentAudioConfig)
    picture: PictureScaleConfig = field(default_factory=PictureScaleConfig)
    loss: SegmentationLossConfig = field(default_factory=SegmentationLossConfig)
    task: str = setting("both", "what is learned", choices=("both", "mask", "wearer"))
    wearer_weight: float = setting(0.5, "task both: of the wearer's cross-entropy beside the mask's loss", low=0.0)
    faces_weight: float = setting(1.0, "network.faces: of the mask of all faces beside the mask's loss", low=0.0)
    plane_weight: float = setting(
        0.0, "of what the sound draws, against where the speakers are, beside the mask's loss", low=0.0
    )
    speakers_only: bool = setting(False, "learn from frames with a speaker in the picture alone")
    silent_per_speaker: float = setting(
        1.0, "frames without a speaker per frame with one (down-sampling); negative: all", low=-1.0
    )
    changes: FrameChangesConfig = field(default_factory=FrameChangesConfig)
    weight_decay: float = setting(0.0, "of AdamW", low=0.0, high=1.0)
    start: str = setting(
        "", "asl_unet.pt of an earlier run to go on from, of the same network or of one that sees half as finely; empty: chance"
    )
    batch_size: int = setting(16, "frames per step", low=1)
    learning_rate: float = setting(1e-3, "of Adam", low=1e-7, high=1.0)
    falling_rate: bool = setting(False, "let the learning rate fall to nothing over mini_epochs, along a cosine")
    mini_epoch_steps: int = setting(50, "steps between two validations", low=1)
    mini_epochs: int = setting(200, "validations at most", low=1)
    patience: int = setting(20, "mini-epochs without a better validation before training stops", low=1)
    validation_frames: int = setting(400, "frames per validation, drawn once", low=1)
    threshold: float = setting(
        0.5, "probability above which a pixel is a speaker's, until the end: then validation chooses", low=0.0, high=1.0
    )

    def __post_init__(self) -> None:
        if self.network.audio_channels != self.audio.shape[0]:
            raise InputError(
                f"network.audio_channels is {self.network.audio_channels}, the sound has {self.audio.shape[0]} "
                f"feature channels ({self.audio.microphones} microphones, phase {self.audio.phase}, "
                f"{self.audio.beams} beams)"
            )

        if self.network.beams not in (0, self.audio.beams):
            raise InputError(f"network.beams is {self.network.beams}, the sound has {self.audio.beams} beams: the same, or 0")

        ears = self.network.ear_filters + self.network.direction_filters
        if ears and self.network.spectra != self.audio.shape[2]:
            raise InputError(f"network.spectra is {self.network.spectra}, a window of the sound has {self.audio.shape[2]}")

        if self.network.direction_filters and self.network.bins != self.audio.shape[1]:
            raise InputError(f"network.bins is {self.network.bins}, the sound has {self.audio.shape[1]}")

    @property
    def steps(self) -> int:
        """Steps at most."""
        return self.mini_epochs * self.mini_epoch_steps


def answer(network: SpeakerUNet, batch: Batch, recipe: SpeakerUNetRecipe) -> SpeakerAnswer:
    """What the network says to a batch; where only the wearer is learned, its mask is empty."""
    pictures, sound, mask, _, _ = batch
    if recipe.task == "wearer":
        return SpeakerAnswer(mask[:0], network.wearer_logits(sound))
    return network.answer(pictures, sound)


def answer_loss(found: SpeakerAnswer, batch: Batch, recipe: SpeakerUNetRecipe) -> Tensor:
    """Mask loss, wearer's cross-entropy, or both, and what helps the mask: a scalar."""
    _, _, mask, wearer, faces = batch
    if recipe.task == "wearer":
        return cross_entropy(found.wearer, wearer)
    loss = segmentation_loss(found.mask, mask, recipe.loss)
    if recipe.task == "both":
        loss = loss + recipe.wearer_weight * cross_entropy(found.wearer, wearer)
    if found.faces is not None:
        loss = loss + recipe.faces_weight * binary_cross_entropy_with_logits(
            found.faces, faces, pos_weight=mask.new_full((), recipe.loss.positive_weight)
        )
    if recipe.plane_weight:
        for plane in found.planes:
            loss = loss + recipe.plane_weight * plane_loss(plane, mask)
    return loss


def plane_loss(plane: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of what the sound draws (batch, plane rows, plane cols) with where in the mask (batch, rows, cols) a
    speaker is: a scalar."""
    where = adaptive_max_pool2d(mask[:, None], plane.shape[1:])[:, 0]
    return binary_cross_entropy_with_logits(plane, where)
