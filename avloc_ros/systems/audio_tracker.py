"""Which audio tracker listens: the learned one for any array, or the classical one."""

from __future__ import annotations

from avloc_ros.geometry import CameraModel, MicrophoneArray
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker
from avloc_ros.systems.audio_grids import AudioTracker
from avloc_ros.systems.srp import SrpConfig, SrpTracker

TRACKERS = ("any_array", "srp")
DEFAULT_TRACKER = "srp"
TRACKER_HELP = "audio tracker: any_array is learned and knows voices, srp is classical and goes by level and voicing"


def open_audio_tracker(
    kind: str,
    any_array: AnyArrayConfig,
    srp: SrpConfig,
    array: MicrophoneArray | None,
    camera: CameraModel | None,
    sample_rate_hz: int,
) -> AudioTracker:
    """The tracker of a kind, one of TRACKERS; the image grid and the assumed range are those of `srp` for both.

    Raises InputError without an array, or where weights are missing.
    """
    if kind == "srp":
        return SrpTracker(srp, array, camera, sample_rate_hz)
    return AnyArrayTracker(
        any_array,
        array,
        camera,
        sample_rate_hz,
        image_shape=(srp.image_rows, srp.image_cols),
        assumed_range_m=srp.assumed_range_m,
    )
