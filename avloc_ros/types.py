"""What passes between the rooms: frozen records of sound, picture, grids, faces and speakers.

Times are capture times in integer nanoseconds (`stamp_ns`), never the time of processing. Angles are radians, lengths
metres. The array frame follows REP-103: x forward, y left, z up; azimuth is counter-clockwise seen from above,
elevation positive upwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

import numpy as np

PROBABILITY_FLOOR = 1e-6  # the smallest probability of which a logarithm is taken (docs/papers.md: dsw)


class InputError(ValueError):
    """Bad input from outside: the message says what was wrong, where, and what to do about it."""


class Modality(IntEnum):
    """Which sense a grid comes from; the numbers are those of SpeakerGrid.msg."""

    AUDIO = 0
    VIDEO = 1
    FUSED = 2


class Projection(IntEnum):
    """What the columns and rows of a grid stand for; the numbers are those of SpeakerGrid.msg."""

    IMAGE = 0  # rectified pixels of the camera frame
    SPHERE = 1  # azimuth and elevation in the array frame


class Sources(IntFlag):
    """Which senses support a speaker; the bits are those of Speaker.msg."""

    NONE = 0
    AUDIO = 1
    VIDEO = 2


@dataclass(frozen=True)
class AudioChunk:
    """A piece of a multichannel recording as it came from a source.

    samples: float32 (frames, channels) in [-1, 1]; first_sample_index counts from the start of the stream, so that a
    lost packet shows as a jump; it falls back where a recording that loops begins again; negative where the sender does
    not count.
    """

    stamp_ns: int
    first_sample_index: int
    samples: np.ndarray
    sample_rate_hz: int
    frame_id: str = "microphone_array"

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])


@dataclass(frozen=True)
class VideoFrame:
    """One picture: uint8 (rows, columns, 3) in BGR order, exposed at `stamp_ns`."""

    stamp_ns: int
    image: np.ndarray
    frame_id: str = "camera"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])


@dataclass(frozen=True)
class AudioWindow:
    """The samples that belong to one camera frame: float32 (frames, channels), starting at the frame's stamp.

    valid_fraction: share of the samples that were really received (the rest is zero).
    usable_channels: bool (channels,); False where a channel is silent or not finite.
    """

    stamp_ns: int
    samples: np.ndarray
    sample_rate_hz: int
    valid_fraction: float = 1.0
    usable_channels: np.ndarray | None = None
    frame_id: str = "microphone_array"

    @property
    def duration_s(self) -> float:
        return self.samples.shape[0] / self.sample_rate_hz


@dataclass(frozen=True)
class GridLayout:
    """Where the cells of a grid lie: cell (row, column) covers u_min + column * u_step and v_min + row * v_step on.

    u and v are pixels (IMAGE) or radians of azimuth and elevation (SPHERE); `wraps` says that the last column touches
    the first.
    """

    projection: Projection
    rows: int
    cols: int
    u_min: float
    u_step: float
    v_min: float
    v_step: float
    wraps: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.cols


CELLS_PER_TALKER = 4  # of a SpeakerGrid: a talker is within one cell width of 2 x 2 cells


@dataclass(frozen=True)
class SpeakerGrid:
    """Per cell the probability that a talker is within one cell width: float32 (rows, cols) in [0, 1].

    audio_weight, video_weight: dynamic stream weights, None, a scalar array () or (rows, cols). In a grid of one sense they
    say instead how reliable that sense is there: the probability of a voice (audio), the visibility (video).
    threshold: the system's own detection threshold, chosen on validation scenes.
    """

    stamp_ns: int
    layout: GridLayout
    modality: Modality
    probability: np.ndarray
    threshold: float
    system: str
    frame_id: str = "camera"
    window_s: float = 0.04
    audio_weight: np.ndarray | None = None
    video_weight: np.ndarray | None = None


@dataclass(frozen=True)
class Face:
    """A face in the picture: box in pixels of the frame, detector score in [0, 1], landmarks as (u, v) pixel pairs.

    mouth_motion: how much the mouth moves (features/inputs/mouth_motion.py), None where that is not known.
    """

    left: float
    top: float
    width: float
    height: float
    score: float
    landmarks: tuple[tuple[float, float], ...] = ()
    id: str = ""
    mouth_motion: float | None = None

    @property
    def centre(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass(frozen=True)
class FaceDetections:
    """All faces of one picture; image_size is (width, height) in pixels.

    visibility: how well the camera sees each part of the picture, float32 (rows, cols) in [0, 1]; None: not known.
    """

    stamp_ns: int
    faces: tuple[Face, ...]
    image_size: tuple[int, int]
    frame_id: str = "camera"
    visibility: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Peak:
    """A local maximum of a grid, between cells: (u, v) in the layout's unit, and its probability."""

    u: float
    v: float
    probability: float


@dataclass(frozen=True)
class Speaker:
    """One tracked speaker, as Speaker.msg says it.

    direction: unit vector (3,) from the array's origin, array frame; direction_covariance (2, 2) of (azimuth,
    elevation) in rad^2; position (3,) metres with covariance (3, 3), or None where there is no evidence of range.
    """

    id: str
    direction: np.ndarray
    direction_covariance: np.ndarray
    is_speaking: bool
    speaking_probability: float
    existence_probability: float
    audio_weight: float
    sources: Sources
    position: np.ndarray | None = None
    position_covariance: np.ndarray | None = None
    face: Face | None = None
    last_heard_ns: int = 0
    last_seen_ns: int = 0
    voice_id: str = ""
    face_id: str = ""
    person_id: str = ""


@dataclass(frozen=True)
class Speakers:
    """All speakers known at one capture time, in the array frame."""

    stamp_ns: int
    speakers: tuple[Speaker, ...]
    frame_id: str = "microphone_array"
    events: tuple[str, ...] = field(default=())  # what happened in this step, in words, for diagnostics


class EventState(IntEnum):
    """Where a sound event is in its life; the numbers are those of SoundEvent.msg."""

    ONSET = 0
    ACTIVE = 1
    OFFSET = 2


@dataclass(frozen=True)
class SoundEvent:
    """One tracked sound event, as SoundEvent.msg says it; class_id may be corrected soon after the onset.

    direction: unit vector (3,), array frame; direction_covariance (2, 2) of (azimuth, elevation), rad^2. offset_ns is 0
    until OFFSET. level_db: of all sound in the frame, decibels relative to full scale.
    """

    id: str
    class_id: str
    score: float
    state: EventState
    onset_ns: int
    direction: np.ndarray
    direction_covariance: np.ndarray
    offset_ns: int = 0
    level_db: float = -100.0


@dataclass(frozen=True)
class SoundEvents:
    """All sound events that begin, last or end in one label frame, array frame."""

    stamp_ns: int
    events: tuple[SoundEvent, ...]
    frame_id: str = "microphone_array"
