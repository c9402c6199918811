"""Which audio tracker listens: the learned one for any array, the classical one, or one of the other trained ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker
from avloc_ros.systems.audio_grids import AudioTracker
from avloc_ros.systems.blend import BlendConfig, BlendTracker
from avloc_ros.systems.crnn import CrnnTracker
from avloc_ros.systems.diff_track import DiffTrackConfig, DiffTrackTracker
from avloc_ros.systems.dsw_audio import DswAudioConfig
from avloc_ros.systems.mixture import MixtureConfig, MixtureTracker
from avloc_ros.systems.srp import SrpConfig, SrpTracker

TRACKERS = ("blend", "mixture", "any_array", "srp", "crnn", "diff_track")
DEFAULT_TRACKER = "blend"
TRACKER_HELP = (
    "audio tracker: blend takes mixture and srp together; mixture is learned and finds each of several talkers separately; "
    "any_array is the learned network that mixture builds on, alone; srp is classical and learns noise in pauses; crnn was "
    "trained for one array and camera (`avloc train dsw`) and takes the sphere from blend; diff_track was trained on tracking "
    "errors and needs microphones that do not lie in one plane"
)


@dataclass(frozen=True)
class EarConfig:
    """Settings of every audio tracker that may be chosen."""

    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    blend: BlendConfig = field(default_factory=BlendConfig)
    any_array: AnyArrayConfig = field(default_factory=AnyArrayConfig)
    srp: SrpConfig = field(default_factory=SrpConfig)
    crnn: DswAudioConfig = field(default_factory=DswAudioConfig)
    diff_track: DiffTrackConfig = field(default_factory=DiffTrackConfig)


def open_audio_tracker(
    kind: str, config: EarConfig, array: MicrophoneArray | None, camera: CameraModel | None, sample_rate_hz: int
) -> AudioTracker:
    """The tracker of a kind, one of TRACKERS; the image grid and the assumed range are those of `srp` for all.

    Raises InputError without an array, where weights are missing or were trained for another array or camera, or where
    the array's shape does not do or two of its microphones are at one place.
    """
    if array is not None:
        array.require_apart()
    image_shape, range_m = (config.srp.image_rows, config.srp.image_cols), config.srp.assumed_range_m
    if kind == "srp":
        return SrpTracker(config.srp, array, camera, sample_rate_hz)
    if kind == "diff_track":
        return DiffTrackTracker(
            config.diff_track, array, camera, sample_rate_hz, image_shape=image_shape, assumed_range_m=range_m
        )
    if kind == "any_array":
        return AnyArrayTracker(
            config.any_array, array, camera, sample_rate_hz, image_shape=image_shape, assumed_range_m=range_m
        )
    if kind == "mixture":
        return MixtureTracker(
            config.mixture, config.any_array, array, camera, sample_rate_hz, image_shape=image_shape, assumed_range_m=range_m
        )
    blend = BlendTracker(config.blend, config.mixture, config.any_array, config.srp, array, camera, sample_rate_hz)
    return CrnnTracker(config.crnn, blend) if kind == "crnn" else blend
