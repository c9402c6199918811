"""Between our result messages and the types of the pipeline: grids, faces, speakers."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import RegionOfInterest

from avloc_ros.msg import (
    Face as FaceMessage,
    FaceArray,
    Speaker as SpeakerMessage,
    SpeakerArray,
    SpeakerGrid as SpeakerGridMessage,
)
from avloc_ros.nodes.messages.conversions import (
    float_array,
    point_message,
    stamp_message,
    stamp_ns,
    vector_message,
    xyz,
)
from avloc_ros.types import (
    Face,
    FaceDetections,
    GridLayout,
    InputError,
    Modality,
    Projection,
    Sources,
    Speaker,
    SpeakerGrid,
    Speakers,
)

_SECOND_NS = 1_000_000_000
UNKNOWN = -1.0  # first entry of a covariance that is not known


# ------------------------------------------------------------------------------------------------ grids
def grid_to_message(grid: SpeakerGrid) -> SpeakerGridMessage:
    """A grid as its message."""
    layout = grid.layout
    message = SpeakerGridMessage(
        modality=int(grid.modality), projection=int(layout.projection), rows=layout.rows, cols=layout.cols,
        u_min=float(layout.u_min), u_step=float(layout.u_step), v_min=float(layout.v_min), v_step=float(layout.v_step),
        wraps=layout.wraps, threshold=float(grid.threshold), system=grid.system,
    )  # fmt: skip
    message.header.stamp = stamp_message(grid.stamp_ns)
    message.header.frame_id = grid.frame_id
    message.probability = float_array(grid.probability)
    message.audio_weight = _weight_array(grid.audio_weight)
    message.video_weight = _weight_array(grid.video_weight)
    message.window.sec, message.window.nanosec = divmod(round(grid.window_s * _SECOND_NS), _SECOND_NS)
    return message


def grid_from_message(message: SpeakerGridMessage) -> SpeakerGrid:
    """The grid of a message. Raises InputError where its numbers do not fit each other, or are not of the message's constants."""
    shape = int(message.rows), int(message.cols)
    values = np.array(message.probability, np.float32)
    if values.size != shape[0] * shape[1]:
        raise InputError(f"SpeakerGrid of '{message.system}' has {values.size} cells, rows x cols say {shape}")
    try:
        projection, modality = Projection(message.projection), Modality(message.modality)
    except ValueError as error:
        raise InputError(f"SpeakerGrid of '{message.system}': projection or modality: {error}") from error
    layout = GridLayout(
        projection, *shape,
        message.u_min, message.u_step, message.v_min, message.v_step, message.wraps,
    )  # fmt: skip
    return SpeakerGrid(
        stamp_ns(message.header.stamp),
        layout,
        modality,
        values.reshape(shape),
        message.threshold,
        message.system,
        message.header.frame_id,
        message.window.sec + message.window.nanosec / _SECOND_NS,
        _weight(message.audio_weight, shape),
        _weight(message.video_weight, shape),
    )


def _weight_array(weight: np.ndarray | None) -> object:
    return float_array([] if weight is None else weight)


def _weight(values: object, shape: tuple[int, int]) -> np.ndarray | None:
    weight = np.array(values, np.float32)
    if weight.size == 0:
        return None
    if weight.size not in (1, shape[0] * shape[1]):
        raise InputError(f"SpeakerGrid with {weight.size} weights: none, one, or one for each cell of rows x cols {shape}")
    return weight.reshape(()) if weight.size == 1 else weight.reshape(shape)


# ------------------------------------------------------------------------------------------------ faces
def faces_to_message(detections: FaceDetections) -> FaceArray:
    """All faces of a picture as their message."""
    message = FaceArray(faces=[_face_message(face, detections.image_size) for face in detections.faces])
    message.header.stamp = stamp_message(detections.stamp_ns)
    message.header.frame_id = detections.frame_id
    return message


def faces_from_message(message: FaceArray, image_size: tuple[int, int]) -> FaceDetections:
    """The faces of a message; image_size is (width, height), which the message does not carry."""
    faces = tuple(_face(item) for item in message.faces)
    return FaceDetections(stamp_ns(message.header.stamp), faces, image_size, message.header.frame_id or "camera")


def _face_message(face: Face, image_size: tuple[int, int]) -> FaceMessage:
    message = FaceMessage(roi=region_message(face, image_size), score=float(face.score), id=face.id)
    message.landmarks = float_array([value for point in face.landmarks for value in point])
    message.mouth_motion = -1.0 if face.mouth_motion is None else float(face.mouth_motion)
    return message


def _face(message: FaceMessage) -> Face:
    roi = message.roi
    if len(message.landmarks) % 2:
        raise InputError(f"a face with {len(message.landmarks)} numbers as landmarks: they are pairs of u and v")
    points = np.array(message.landmarks, float).reshape(-1, 2)
    landmarks = tuple((float(u), float(v)) for u, v in points)
    motion = message.mouth_motion if message.mouth_motion >= 0 else None
    return Face(roi.x_offset, roi.y_offset, roi.width, roi.height, message.score, landmarks, message.id, motion)


def region_message(face: Face | None, image_size: tuple[int, int] | None = None) -> RegionOfInterest:
    """A face's box in whole pixels, cut to the picture: RegionOfInterest has no room for negative offsets."""
    if face is None:
        return RegionOfInterest()
    right, bottom = face.left + face.width, face.top + face.height
    if image_size is not None:
        right, bottom = min(right, image_size[0]), min(bottom, image_size[1])
    left, top = max(round(face.left), 0), max(round(face.top), 0)
    width, height = max(round(right) - left, 0), max(round(bottom) - top, 0)
    return RegionOfInterest(x_offset=left, y_offset=top, width=width, height=height)


# ------------------------------------------------------------------------------------------------ speakers
def speakers_to_message(speakers: Speakers) -> SpeakerArray:
    """All speakers of one moment as their message."""
    message = SpeakerArray(speakers=[_speaker_message(speaker) for speaker in speakers.speakers])
    message.header.stamp = stamp_message(speakers.stamp_ns)
    message.header.frame_id = speakers.frame_id
    return message


def speakers_from_message(message: SpeakerArray) -> Speakers:
    """The speakers of a message."""
    found = tuple(_speaker(item) for item in message.speakers)
    return Speakers(stamp_ns(message.header.stamp), found, message.header.frame_id)


def _speaker_message(speaker: Speaker) -> SpeakerMessage:
    message = SpeakerMessage(
        id=speaker.id, voice_id=speaker.voice_id, face_id=speaker.face_id, person_id=speaker.person_id,
        is_speaking=bool(speaker.is_speaking),
        speaking_probability=float(speaker.speaking_probability),
        existence_probability=float(speaker.existence_probability),
        audio_weight=float(speaker.audio_weight),
        sources=int(speaker.sources),
        face=region_message(speaker.face),
        has_position=speaker.position is not None,
    )  # fmt: skip
    message.direction = vector_message(speaker.direction)
    message.direction_covariance = np.asarray(speaker.direction_covariance, float).reshape(4)
    message.position_covariance = _covariance(speaker.position_covariance, 9)
    if speaker.position is not None:
        message.position = point_message(speaker.position)
    message.last_heard = stamp_message(speaker.last_heard_ns)
    message.last_seen = stamp_message(speaker.last_seen_ns)
    return message


def _covariance(covariance: np.ndarray | None, size: int) -> np.ndarray:
    if covariance is None:
        unknown = np.zeros(size)
        unknown[0] = UNKNOWN
        return unknown
    return np.asarray(covariance, float).reshape(size)


def _speaker(message: SpeakerMessage) -> Speaker:
    roi = message.face
    face = Face(roi.x_offset, roi.y_offset, roi.width, roi.height, 1.0, (), message.face_id) if roi.width else None
    position_covariance = np.array(message.position_covariance, float).reshape(3, 3)
    return Speaker(
        message.id,
        xyz(message.direction),
        np.array(message.direction_covariance, float).reshape(2, 2),
        message.is_speaking,
        message.speaking_probability,
        message.existence_probability,
        message.audio_weight,
        Sources(message.sources),
        xyz(message.position) if message.has_position else None,
        position_covariance if message.has_position and position_covariance[0, 0] != UNKNOWN else None,
        face,
        stamp_ns(message.last_heard),
        stamp_ns(message.last_seen),
        message.voice_id,
        message.face_id,
        message.person_id,
    )
