"""Sizes of the asl_unet network; without torch, so that a robot reads them from the card of its weights."""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.config import setting
from avloc_ros.types import InputError

FUSIONS = ("none", "early", "bottleneck", "both")


@dataclass(frozen=True)
class SpeakerUNetConfig:
    """Sizes of the network (docs/papers.md: asl_unet); the defaults are the report's, but for the early plane."""

    rows: int = setting(360, "height of the picture that goes in, pixels", low=16)
    cols: int = setting(640, "width of the picture that goes in, pixels", low=16)
    colours: int = setting(3, "3: RGB, 1: grey", choices=(1, 3))
    context_frames: int = setting(3, "pictures before and after", low=0, high=20)
    width: int = setting(64, "filters of the U-Net's first level", low=4, high=256)
    levels: int = setting(4, "halvings of the picture", low=2, high=6)
    patch: int = setting(
        1, "side of the squares of pixels that the U-Net takes as one, with as many channels; 1: every pixel", choices=(1, 2, 4)
    )
    audio_channels: int = setting(6, "feature channels of the sound", low=1)
    beams: int = setting(
        0, "how many of the sound's channels, the last ones, are beams, which draw the plane too; 0: none", low=0
    )
    audio_width: int = setting(64, "filters of the ResNet's first level", low=4, high=256)
    fusion: str = setting("bottleneck", "where the sound enters", choices=FUSIONS)
    early_rows: int = setting(
        12, "early fusion: rows of the plane that the sound draws, upsampled to the picture; 0: the picture's", low=0
    )
    early_cols: int = setting(20, "early fusion: columns of it; 0: the picture's", low=0)
    faces: bool = setting(False, "a second mask, of all faces: a help in learning, and for decode.face_memory")
    ear_filters: int = setting(
        0, "filters of a network of its own that hears the wearer, over time; 0: the ResNet's features tell", low=0, high=256
    )
    direction_filters: int = setting(
        0, "filters of a network of its own that hears in which beam somebody speaks, for decode.face_memory; 0: none",
        low=0, high=256,
    )  # fmt: skip
    bins: int = setting(64, "with direction_filters: bins of the sound's spectra", low=8)
    spectra: int = setting(22, "with ear_filters or direction_filters: spectra of the sound's window", low=1)
    view_deg: float = setting(90.0, "horizontal field of view of the camera it learned with", low=10.0, high=170.0)
    dropout: float = setting(0.0, "share of the sound's features left out at random in learning", low=0.0, high=0.9)
    time_maps: int = setting(1, "pictures that the context collapses to; with 2 the network can see what moves", low=1, high=8)
    past_only: bool = setting(False, "context pictures before only, for the live path")

    def __post_init__(self) -> None:
        if self.direction_filters and not (self.beams and self.faces):
            raise InputError("network.direction_filters says who of the faces is heard in a beam: needs beams, and faces: true")

    @property
    def pictures(self) -> int:
        """Pictures that go in at once."""
        return self.context_frames + 1 if self.past_only else 2 * self.context_frames + 1

    @property
    def step(self) -> int:
        """Pixels of the picture, each way, that are one place of the bottleneck."""
        return self.patch * 2**self.levels

    @property
    def picture_offsets(self) -> tuple[int, ...]:
        """Which pictures those are, counted from the present one, 0."""
        return tuple(range(-self.context_frames, self.pictures - self.context_frames))
