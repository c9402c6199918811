"""Scene folders to bags and back, truth included, so that evaluation on bags gives the same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avloc_ros.geometry import OPTICAL_TO_BODY, CameraModel, quaternion_from_rotation
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_encoding import encode_samples
from avloc_ros.sources.bags.bag import TRUTH_TOPIC, BagSource
from avloc_ros.sources.bags.bag_types import (
    AUDIO_FRAME,
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    MICROPHONE_ARRAY,
    STRING,
    TRANSFORMS,
    header_fields,
)
from avloc_ros.sources.bags.bag_writer import BagWriter
from avloc_ros.sources.scene import Scene, SceneSource, load_scene, write_scene
from avloc_ros.sources.sync.audio_placement import STEP_S
from avloc_ros.sources.truth import format_truth
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NS = 1_000_000_000
SCENE_START_NS = NS  # not zero: a stamp of zero means `unknown` in ROS


def scene_to_bag(
    folder: str | Path | Scene,
    path: str | Path,
    storage: str = "mcap",
    *,
    start_ns: int = SCENE_START_NS,
    encoding: str = "S16LE",
    raw_images: bool = False,
    jpeg_quality: int = 95,
) -> None:
    """Write a scene as a bag: audio, microphone_array, image, camera_info, tf_static and truth.

    start_ns: capture time of t = 0. Pictures are JPEG (image/compressed) unless raw_images.
    """
    scene = folder if isinstance(folder, Scene) else load_scene(folder)
    source = SceneSource(scene, start_ns=start_ns)
    with BagWriter(path, storage) as writer:
        _write_facts(writer, scene, start_ns)
        for item in source:
            if isinstance(item, AudioChunk):
                _write_audio(writer, item, encoding)
            else:
                _write_picture(writer, item, source.camera, raw_images, jpeg_quality)


def bag_to_scene(
    path: str | Path, folder: str | Path, *, audio_topic: str = "", image_topic: str = ""
) -> Scene:
    """Write a bag as a scene folder; lost sound becomes silence, lost pictures repeat the one before.

    Raises InputError where the bag has neither sound nor pictures.
    """
    bag = BagSource(path, audio_topic=audio_topic, image_topic=image_topic)
    sound = _sound(bag)
    images = _even_pictures(bag) if bag.fps else None
    extra = {key: value for key, value in bag.scene_json.items() if key not in ("audio", "video", "truth")}
    return write_scene(
        folder,
        array=bag.array,
        camera=bag.camera,
        audio=sound,
        sample_rate_hz=bag.sample_rate_hz or 16000,
        images=images,
        fps=bag.fps or float(bag.scene_json.get("fps", 25.0)),
        truth=bag.truth,
        extra=extra,
    )


def array_fields(array: MicrophoneArray, stamp_ns: int) -> dict[str, Any]:
    """Fields of avloc_ros/MicrophoneArray."""
    return {
        "header": header_fields(stamp_ns, array.frame_id),
        "channel_names": list(array.channel_names),
        "positions": [dict(zip("xyz", map(float, position), strict=True)) for position in array.positions_m],
        "sound_speed": array.sound_speed_mps,
    }


def camera_fields(camera: CameraModel, stamp_ns: int) -> dict[str, Any]:
    """Fields of sensor_msgs/CameraInfo without distortion."""
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return {
        "header": header_fields(stamp_ns, camera.frame_id),
        "width": camera.width,
        "height": camera.height,
        "distortion_model": "plumb_bob",
        "d": np.zeros(5),
        "k": [fx, 0, cx, 0, fy, cy, 0, 0, 1],
        "r": np.eye(3),
        "p": [fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0],
    }


def mount_fields(camera: CameraModel, array_frame: str, stamp_ns: int) -> dict[str, Any]:
    """Fields of tf2_msgs/TFMessage: the camera's optical frame on the array."""
    rotation = quaternion_from_rotation(camera.rotation @ OPTICAL_TO_BODY)
    transform = {
        "translation": dict(zip("xyz", map(float, camera.position_m), strict=True)),
        "rotation": dict(zip("xyzw", map(float, rotation), strict=True)),
    }
    stamped = {
        "header": header_fields(stamp_ns, array_frame),
        "child_frame_id": camera.frame_id,
        "transform": transform,
    }
    return {"transforms": [stamped]}


def _write_facts(writer: BagWriter, scene: Scene, start_ns: int) -> None:
    if scene.array is not None:
        writer.add_topic("/microphone_array", MICROPHONE_ARRAY, latched=True)
        writer.write_fields("/microphone_array", start_ns, array_fields(scene.array, start_ns))
    if scene.array is not None and scene.camera is not None:
        writer.add_topic("/tf_static", TRANSFORMS, latched=True)
        writer.write_fields(
            "/tf_static", start_ns, mount_fields(scene.camera, scene.array.frame_id, start_ns)
        )
    content = {
        "scene": scene.json,
        "truth": format_truth(scene.truth) if scene.truth else "",
        "start_ns": start_ns,
    }
    writer.add_topic(f"/{TRUTH_TOPIC}", STRING, latched=True)
    writer.write_fields(f"/{TRUTH_TOPIC}", start_ns, {"data": json.dumps(content)})


def _write_audio(writer: BagWriter, chunk: AudioChunk, encoding: str) -> None:
    frames, channels = chunk.samples.shape
    fields = {
        "header": header_fields(chunk.stamp_ns, chunk.frame_id),
        "encoding": encoding,
        "sample_rate": chunk.sample_rate_hz,
        "channels": channels,
        "frames": frames,
        "first_sample_index": chunk.first_sample_index,
        "data": encode_samples(chunk.samples, encoding),
    }
    writer.add_topic("/audio", AUDIO_FRAME)
    writer.write_fields("/audio", chunk.stamp_ns, fields)


def _write_picture(
    writer: BagWriter, frame: VideoFrame, camera: CameraModel | None, raw: bool, jpeg_quality: int
) -> None:
    frame_id = camera.frame_id if camera is not None else frame.frame_id
    header = header_fields(frame.stamp_ns, frame_id)
    width, height = frame.size
    if camera is not None:
        writer.add_topic("/camera_info", CAMERA_INFO)
        writer.write_fields("/camera_info", frame.stamp_ns, camera_fields(camera, frame.stamp_ns))
    if raw:
        fields = {
            "height": height,
            "width": width,
            "encoding": "bgr8",
            "step": 3 * width,
            "data": frame.image,
        }
        writer.add_topic("/image", IMAGE)
        writer.write_fields("/image", frame.stamp_ns, {"header": header, **fields})
        return
    _, encoded = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
    writer.add_topic("/image/compressed", COMPRESSED_IMAGE)
    fields = {"header": header, "format": "bgr8; jpeg compressed bgr8", "data": encoded.tobytes()}
    writer.write_fields("/image/compressed", frame.stamp_ns, fields)


def _sound(bag: BagSource) -> np.ndarray | None:
    """All sound from start_ns on, float32 (frames, channels), by sample index where it is counted."""
    placed: list[tuple[int, np.ndarray]] = []
    shift, end = 0, 0
    for chunk in bag.chunks():
        if not placed:
            if chunk.sample_rate_hz != bag.sample_rate_hz:
                raise InputError(f"{bag.path}: sound changes its rate")
            first = round((chunk.stamp_ns - bag.start_ns) * 1e-9 * bag.sample_rate_hz)
            shift = first - max(chunk.first_sample_index, 0)
            end = first
        index = chunk.first_sample_index + shift if chunk.first_sample_index >= 0 else end
        late = round((chunk.stamp_ns - bag.start_ns) * 1e-9 * bag.sample_rate_hz) - index
        if index < end and late > STEP_S * bag.sample_rate_hz:  # the sender was restarted, and counts anew
            shift, index = shift + late, index + late
        placed.append((index, chunk.samples))
        end = max(end, index + len(chunk.samples))
    if not placed:
        return None
    channels = placed[0][1].shape[1]
    sound = np.zeros((max(end, 0), channels), np.float32)  # (frames, channels)
    for index, samples in placed:
        if samples.shape[1] != channels:
            raise InputError(f"{bag.path}: sound changes from {channels} to {samples.shape[1]} channels")
        skip = max(0, -index)  # sound from before the first picture
        sound[index + skip : index + len(samples)] = samples[skip:]
    return sound


def _even_pictures(bag: BagSource) -> Iterator[np.ndarray]:
    """One picture per k / fps from start_ns on, since a video file has no stamps of its own."""
    number = 0
    newest: np.ndarray | None = None
    for frame in bag.frames():
        due = round((frame.stamp_ns - bag.start_ns) * 1e-9 * bag.fps)
        while newest is not None and number < due:
            yield newest
            number += 1
        if due >= number or newest is None:
            newest = frame.image
    if newest is not None:
        yield newest
