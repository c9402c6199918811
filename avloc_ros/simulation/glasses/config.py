"""Settings of egocentric scenes: the camera, the room, the people, the restaurant."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avloc_ros.config import setting
from avloc_ros.geometry import CameraModel
from avloc_ros.simulation.glasses.head_motion import HeadMotionConfig
from avloc_ros.simulation.looks.talker_clip import FPS as CLIP_FPS
from avloc_ros.types import InputError

FPS = 20


@dataclass(frozen=True)
class EgocentricConfig:
    """What scenes are drawn from (docs/papers.md: asl_unet)."""

    width: int = setting(640, "of the picture, pixels", low=64)
    height: int = setting(360, "of the picture, pixels", low=36)
    view_deg: float = setting(90.0, "horizontal field of view", low=20.0, high=120.0)
    seconds: float = setting(8.0, "length of a scene, s", low=1.0, high=600.0)
    sample_rate_hz: int = setting(16_000, "of the sound, Hz; a multiple of 100", low=8000, high=48_000)
    fewest_people: int = setting(2, "people around the wearer", low=1, high=5)
    most_people: int = setting(5, "people around the wearer", low=1, high=5)
    portrait_share: float = setting(
        0.0, "of the people where talkers are filmed, who are portraits with another voice all the same", low=0.0, high=1.0
    )
    dubbed_share: float = setting(
        0.0, "of the filmed people, whose mouths move to another voice", low=0.0, high=1.0
    )
    stranger_share: float = setting(
        0.0, "of the people, who are put together from parts (glasses.strangers): many faces to learn from", low=0.0, high=1.0
    )
    look_spread: float = setting(
        0.0, "how differently the same person looks each time: light, colours, proportions", low=0.0, high=1.0
    )
    clip_face_px: float = setting(
        0.0, "width of faces that clips of people are reduced to first, which saves time; 0: as they are", low=0.0, high=500.0
    )
    widest_deg: float = setting(70.0, "how far to a side people sit", low=5.0, high=90.0)
    shortest_rt60_s: float = setting(0.2, "reverberation time, s", low=0.1, high=2.0)
    longest_rt60_s: float = setting(0.7, "reverberation time, s", low=0.1, high=2.0)
    reflections: int = setting(6, "reflections traced at most", low=0, high=30)
    lowest_snr_db: float = setting(0.0, "people around over the restaurant", low=-30.0, high=100.0)
    highest_snr_db: float = setting(20.0, "people around over the restaurant", low=-30.0, high=100.0)
    tables: int = setting(6, "places that the restaurant is heard from; 0: a quiet room", low=0, high=50)
    head_shadow: bool = setting(True, "the head shadows microphones: level differences; off: magnitudes tell nothing")
    motion: HeadMotionConfig = field(default_factory=HeadMotionConfig)

    def __post_init__(self) -> None:
        for low, high in (
            ("fewest_people", "most_people"),
            ("shortest_rt60_s", "longest_rt60_s"),
            ("lowest_snr_db", "highest_snr_db"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise InputError(f"{low} is {getattr(self, low)}, above {high} {getattr(self, high)}")
        if self.sample_rate_hz % (CLIP_FPS * FPS // 5):
            raise InputError(f"a rate of {self.sample_rate_hz} Hz: need a multiple of 100, like 16000 or 48000")

    @property
    def camera(self) -> CameraModel:
        """On the head, at the array's origin, looking straight ahead, with square pixels."""
        focal_px = self.width / 2 / np.tan(np.deg2rad(self.view_deg) / 2)
        return CameraModel(self.width, self.height, focal_px, focal_px, self.width / 2, self.height / 2)
