"""The whole chain without ROS: sound and picture of one moment in, speakers out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from avloc_ros.config import setting
from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.audio_grids import AudioGrids, AudioTracker
from avloc_ros.systems.audio_tracker import (
    DEFAULT_TRACKER,
    TRACKER_HELP,
    TRACKERS,
    EarConfig,
    open_audio_tracker,
)
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.systems.fusion import FusionConfig, open_fusion
from avloc_ros.tracking.config import SpeakerTrackerConfig
from avloc_ros.tracking.evidence import RangeReading
from avloc_ros.tracking.speaker_tracker import FactsTaker, SpeakerTracker
from avloc_ros.types import AudioWindow, FaceDetections, InputError, SpeakerGrid, Speakers, VideoFrame

SENSES = ("both", "audio", "video")


@dataclass(frozen=True)
class LocalizerConfig(EarConfig):
    """Settings of the whole chain."""

    senses: str = setting("both", "what the tracker rests on: both senses, or one of them", choices=SENSES)
    binary_faces: bool = setting(
        False, "faces mark their cell with 1 instead of the detector's score (the paper)"
    )
    audio_tracker: str = setting(DEFAULT_TRACKER, TRACKER_HELP, choices=TRACKERS)
    faces: FaceConfig = field(default_factory=FaceConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    tracker: SpeakerTrackerConfig = field(default_factory=SpeakerTrackerConfig)

    def open_ear(
        self, array: MicrophoneArray | None, camera: CameraModel | None, sample_rate_hz: int
    ) -> AudioTracker:
        """The audio tracker of these settings."""
        return open_audio_tracker(self.audio_tracker, self, array, camera, sample_rate_hz)


@dataclass(frozen=True)
class LocalizerOutput:
    """Everything one step found; what its input lacked is None."""

    speakers: Speakers
    audio: AudioGrids | None
    faces: FaceDetections | None
    video: SpeakerGrid | None
    fused: SpeakerGrid | None


class FusedTracking:
    """The later half of the chain: face grid, fusion and speaker tracker, on what the two front ends found."""

    def __init__(
        self, config: LocalizerConfig | None = None, camera: CameraModel | None = None, on_facts: FactsTaker | None = None
    ) -> None:
        """on_facts: as of SpeakerTracker."""
        self.config = config or LocalizerConfig()
        self.camera = camera
        self._fusion = open_fusion(self.config.fusion)
        self._tracker = SpeakerTracker(self.config.tracker, on_facts)

    def step(
        self,
        audio: AudioGrids | None,
        faces: FaceDetections | None,
        stamp_ns: int,
        face_ranges: tuple[RangeReading | None, ...] = (),
    ) -> LocalizerOutput:
        """One moment; what is None is missing, and not held against anybody."""
        video = None
        if faces is not None:
            video = faces_to_grid(
                faces, self.config.srp.image_rows, self.config.srp.image_cols, self.config.binary_faces
            )
            video = replace(video, stamp_ns=stamp_ns)
        image_audio = audio.image if audio is not None else None
        fused = (
            self._fusion.step(image_audio, video) if image_audio is not None or video is not None else None
        )
        sphere = audio.sphere if audio is not None else None
        speakers = self._tracker.step(stamp_ns, fused, faces, sphere, self.camera, face_ranges)
        return LocalizerOutput(speakers, audio, faces, video, fused)

    def reset(self) -> None:
        """Forget the past."""
        self._fusion.reset()
        self._tracker.reset()


class Localizer:
    """Detector, audio tracker, fusion and speaker tracker in the order of the nodes."""

    def __init__(
        self,
        config: LocalizerConfig | None = None,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        sample_rate_hz: int = 48000,
    ) -> None:
        """Raises InputError where neither an array nor a camera is given."""
        self.config = config or LocalizerConfig()
        if array is None and camera is None:
            raise InputError("a localizer needs a microphone array, a camera, or both: none was given")
        hears = array is not None and self.config.senses != "video"
        sees = camera is not None and self.config.senses != "audio"
        self._ear = self.config.open_ear(array, camera, sample_rate_hz) if hears else None
        self._faces = FaceTracker(self.config.faces) if sees else None
        self._tracking = FusedTracking(self.config, camera)

    def step(
        self,
        window: AudioWindow | None,
        frame: VideoFrame | None,
        face_ranges: tuple[RangeReading | None, ...] = (),
    ) -> LocalizerOutput:
        """One moment. Raises InputError where both inputs are None."""
        stamp_ns = stamp_of(window, frame)
        audio = self._ear.step(window) if self._ear is not None and window is not None else None
        faces = self._faces.step(frame) if self._faces is not None and frame is not None else None
        return self._tracking.step(audio, faces, stamp_ns, face_ranges)

    def reset(self) -> None:
        """Forget the past, as at the start of a recording."""
        if self._ear is not None:
            self._ear.reset()
        if self._faces is not None:
            self._faces.reset()
        self._tracking.reset()

    def close(self) -> None:
        """Release the face detector."""
        if self._faces is not None:
            self._faces.close()


def stamp_of(window: AudioWindow | None, frame: VideoFrame | None) -> int:
    """The frame's stamp, or the window's where there is no picture."""
    source = frame if frame is not None else window
    if source is None:
        raise InputError("nothing to do: neither an audio window nor a video frame was given")
    return source.stamp_ns
