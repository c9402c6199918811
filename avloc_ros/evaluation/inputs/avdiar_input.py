"""Sequences of the AVDIAR corpus as inputs of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from avloc_ros.datasets.avdiar.corpus import AvdiarSequence, find_sequences, geometry_of, load_sequence
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput, Moment, window_at
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import audio_file_info, read_audio
from avloc_ros.sources.stream import stamp_of
from avloc_ros.sources.truth import TruthRow
from avloc_ros.sources.video_file import video_images
from avloc_ros.types import InputError, VideoFrame


def avdiar_inputs(path: Path, array: MicrophoneArray | None = None) -> list[EvaluationInput]:
    """One input per sequence at or below `path`, none where there is none. array: instead of the one that the corpus is given.

    Raises InputError naming file and line of what is malformed.
    """
    folders = find_sequences(path)
    if not folders:
        return []
    array, camera = geometry_of(path, array)
    return [_input(load_sequence(folder), array, camera) for folder in folders]


def require_sequences(paths: Sequence[Path]) -> None:
    """Raises InputError for a path without any sequence of the corpus."""
    for path in paths:
        if not find_sequences(path):
            raise InputError(
                f"{path}: no AVDIAR sequence: need folders SeqNN-kP-SxMy with summary.json and GroundTruth/face_bb.txt"
            )


def _input(sequence: AvdiarSequence, array: MicrophoneArray, camera: CameraModel) -> EvaluationInput:
    summary = sequence.summary
    sound = audio_file_info(sequence.audio_path)
    if (sound.channels, sound.sample_rate_hz) != (summary.channels, summary.sample_rate_hz):
        raise InputError(
            f"{sequence.audio_path}: {sound.channels} channels at {sound.sample_rate_hz} Hz, but summary.json says "
            f"{summary.channels} at {summary.sample_rate_hz}"
        )
    if sound.channels != array.channels:
        raise InputError(
            f"{sequence.audio_path} has {sound.channels} channels, the array '{array.name}' {array.channels}: "
            "give its geometry with --array FILE"
        )
    camera = camera.scaled_to(*summary.size)
    truth, unseen_speech = truth_of(sequence, camera)
    facts = {"calibration": summary.calibration, "speech_frames_without_a_face": unseen_speech}
    if sequence.faces_beyond_video:
        facts["face_boxes_beyond_the_video"] = sequence.faces_beyond_video
    return EvaluationInput(
        summary.name,
        sequence.folder,
        summary.fps,
        summary.frames,
        array,
        camera,
        summary.sample_rate_hz,
        truth,
        lambda: _moments(sequence),
        facts,
    )


def truth_of(sequence: AvdiarSequence, camera: CameraModel) -> tuple[dict[int, tuple[TruthRow, ...]], int]:
    """Truth per frame, and in how many frames somebody speaks whose face has no box.

    The direction is that of the viewing ray through the face's centre. Where there is no box, nothing says where the
    person is: there is no row.
    """
    speaking, fps = sequence.speaking(), sequence.summary.fps
    seen = {person: np.zeros_like(spoken) for person, spoken in speaking.items()}
    truth = {}
    for frame, faces in sequence.faces.items():
        rows = []
        for face in faces:
            azimuth, elevation = (
                float(angle) for angle in angles_from_direction(camera.rays(np.array(face.centre)))
            )
            row = TruthRow.unseen(
                frame,
                fps,
                f"person{face.person}",
                azimuth,
                elevation,
                None,
                bool(speaking[face.person][frame]),
            )
            box = (face.left_px, face.top_px, face.width_px, face.height_px)
            rows.append(row.with_face(box, camera.width, camera.height))
            seen[face.person][frame] = True
        truth[frame] = tuple(rows)
    unseen = sum(int((spoken & ~seen[person]).sum()) for person, spoken in speaking.items())
    return truth, unseen


def _moments(sequence: AvdiarSequence) -> Iterator[Moment]:
    rate, fps = sequence.summary.sample_rate_hz, sequence.summary.fps
    samples, _ = read_audio(sequence.audio_path)
    pictures = video_images(sequence.video_path)
    for frame in range(sequence.summary.frames):
        stamp_ns = stamp_of(0, frame, fps)
        picture = next(pictures, None)
        shown = None if picture is None else VideoFrame(stamp_ns, picture)
        yield frame, window_at(samples, rate, frame, fps, stamp_ns), shown
