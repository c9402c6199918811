"""Which audio tracker listens: the learned one for any array, the classical one, or one of the other trained ones."""

from __future__ import annotations

from avloc_ros.geometry import CameraModel, MicrophoneArray
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker
from avloc_ros.systems.audio_grids import AudioTracker
from avloc_ros.systems.crnn import CrnnTracker
from avloc_ros.systems.diff_track import DiffTrackConfig, DiffTrackTracker
from avloc_ros.systems.dsw_audio import DswAudioConfig
from avloc_ros.systems.srp import SrpConfig, SrpTracker

TRACKERS = ("any_array", "srp", "crnn", "diff_track")
DEFAULT_TRACKER = "any_array"
TRACKER_HELP = (
    "audio tracker: any_array is learned and knows voices, srp is classical and goes by level and voicing, crnn was "
    "trained for one array and camera (`avloc train dsw`) and takes the sphere from any_array, diff_track was taught by "
    "tracking errors and needs an array with depth"
)


def open_audio_tracker(
    kind: str,
    any_array: AnyArrayConfig,
    srp: SrpConfig,
    crnn: DswAudioConfig,
    diff_track: DiffTrackConfig,
    array: MicrophoneArray | None,
    camera: CameraModel | None,
    sample_rate_hz: int,
) -> AudioTracker:
    """The tracker of a kind, one of TRACKERS; the image grid and the assumed range are those of `srp` for all.

    Raises InputError without an array, where weights are missing or were trained for another array or camera, or where
    the array's shape does not do.
    """
    if kind == "srp":
        return SrpTracker(srp, array, camera, sample_rate_hz)
    image_shape, range_m = (srp.image_rows, srp.image_cols), srp.assumed_range_m
    if kind == "diff_track":
        return DiffTrackTracker(
            diff_track, array, camera, sample_rate_hz, image_shape=image_shape, assumed_range_m=range_m
        )
    around = AnyArrayTracker(
        any_array, array, camera, sample_rate_hz, image_shape=image_shape, assumed_range_m=range_m
    )
    return CrnnTracker(crnn, around) if kind == "crnn" else around
