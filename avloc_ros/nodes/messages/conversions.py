"""Between ROS messages and the types of the pipeline: stamps, arrays, sound, pictures, cameras, microphone arrays.

Bulk data never passes element by element: it is read by np.frombuffer and filled in by array.array.frombytes (0.04 ms
for a 720 x 450 picture, where assigning an ndarray to a uint8[] field takes 54 ms).
"""

from __future__ import annotations

import array
from typing import Any

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from cv_bridge import CvBridge, CvBridgeError
from geometry_msgs.msg import Point, Quaternion, Transform, Vector3
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from avloc_ros.geometry import (
    OPTICAL_TO_BODY,
    CameraModel,
    quaternion_from_rotation,
    rotation_from_quaternion,
)
from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS, MicrophoneArray
from avloc_ros.msg import AudioFrame, MicrophoneArray as MicrophoneArrayMessage
from avloc_ros.sources.audio_encoding import decode_samples, encode_samples
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NANOSECONDS = 1_000_000_000
PLAIN_ENCODINGS = {  # name: bytes per pixel, what turns it into BGR
    "bgr8": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "8UC3": (3, None),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
    "8UC1": (1, cv2.COLOR_GRAY2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
}
_bridge = CvBridge()


# ------------------------------------------------------------------------------------------------ stamps and arrays
def stamp_ns(stamp: Time) -> int:
    """A message's stamp in nanoseconds."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def stamp_message(nanoseconds: int) -> Time:
    """Nanoseconds as a message's stamp."""
    sec, nanosec = divmod(int(nanoseconds), NANOSECONDS)
    return Time(sec=sec, nanosec=nanosec)


def byte_array(data: Any) -> array.array:
    """Bytes or a numpy array as the value of a uint8[] field."""
    filled = array.array("B")
    filled.frombytes(np.ascontiguousarray(data).data.cast("B") if isinstance(data, np.ndarray) else data)
    return filled


def float_array(values: Any) -> array.array:
    """Any array-like as the value of a float32[] field, flattened row by row."""
    filled = array.array("f")
    filled.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return filled


def vector_message(vector: np.ndarray) -> Vector3:
    """A vector (3,) as Vector3."""
    x, y, z = (float(value) for value in vector)
    return Vector3(x=x, y=y, z=z)


def point_message(point: np.ndarray) -> Point:
    """A point (3,) as Point."""
    x, y, z = (float(value) for value in point)
    return Point(x=x, y=y, z=z)


def quaternion_message(quaternion: np.ndarray) -> Quaternion:
    """A quaternion (x, y, z, w) as Quaternion."""
    x, y, z, w = (float(value) for value in quaternion)
    return Quaternion(x=x, y=y, z=z, w=w)


def xyz(message: Any) -> np.ndarray:
    """A Vector3 or Point as (3,)."""
    return np.array([message.x, message.y, message.z], float)


# ------------------------------------------------------------------------------------------------ sound
def audio_from_message(message: AudioFrame) -> AudioChunk:
    """Sound of an AudioFrame. Raises InputError where encoding, length, channels or rate are wrong."""
    if message.sample_rate < 1:
        raise InputError("audio with sample_rate 0: the sender must fill in the sample rate in hertz")
    samples = decode_samples(message.data, message.encoding, int(message.channels), int(message.frames))
    frame_id = message.header.frame_id or "microphone_array"
    return AudioChunk(
        stamp_ns(message.header.stamp), int(message.first_sample_index), samples, int(message.sample_rate), frame_id
    )


def audio_to_message(chunk: AudioChunk, encoding: str = "S16LE") -> AudioFrame:
    """An AudioFrame of a chunk. Raises InputError on an unknown encoding."""
    message = AudioFrame(encoding=encoding, sample_rate=chunk.sample_rate_hz, channels=chunk.channels)
    message.header.stamp = stamp_message(chunk.stamp_ns)
    message.header.frame_id = chunk.frame_id
    message.frames = int(chunk.samples.shape[0])
    message.first_sample_index = int(chunk.first_sample_index)
    message.data = byte_array(encode_samples(chunk.samples, encoding))
    return message


def array_from_message(message: MicrophoneArrayMessage) -> MicrophoneArray:
    """Geometry of a microphone array. Raises InputError where it is not usable."""
    positions = np.array([[p.x, p.y, p.z] for p in message.positions], float).reshape(-1, 3)  # (channels, 3)
    return MicrophoneArray(
        positions,
        tuple(message.channel_names),
        float(message.sound_speed) or SPEED_OF_SOUND_MPS,
        "microphone_array topic",
        message.header.frame_id or "microphone_array",
    )


def array_to_message(geometry: MicrophoneArray, stamp: int = 0) -> MicrophoneArrayMessage:
    """A MicrophoneArray message that holds from `stamp` nanoseconds on."""
    message = MicrophoneArrayMessage(channel_names=list(geometry.channel_names), sound_speed=geometry.sound_speed_mps)
    message.header.stamp = stamp_message(stamp)
    message.header.frame_id = geometry.frame_id
    message.positions = [point_message(position) for position in geometry.positions_m]
    return message


# ------------------------------------------------------------------------------------------------ pictures
def image_from_message(message: Image) -> VideoFrame:
    """A picture as BGR; bgr8 without padding is a view of the message. Raises InputError on what cannot be converted."""
    if message.height == 0 or message.width == 0:
        raise InputError(f"an image of {message.width} x {message.height} pixels holds nothing")
    needed = message.step * message.height
    if len(message.data) != needed:
        raise InputError(
            f"image data has {len(message.data)} bytes, but {message.height} rows of step {message.step} need {needed}"
        )
    pixels = _plain(message) if message.encoding in PLAIN_ENCODINGS else _converted(message)
    return VideoFrame(stamp_ns(message.header.stamp), pixels, message.header.frame_id or "camera")


def image_from_compressed(message: CompressedImage) -> VideoFrame:
    """A decoded JPEG or PNG picture. Raises InputError where it cannot be decoded."""
    data = np.frombuffer(message.data, np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if pixels is None:
        raise InputError(f"compressed image of format '{message.format}' cannot be decoded: send jpeg or png")
    return VideoFrame(stamp_ns(message.header.stamp), pixels, message.header.frame_id or "camera")


def image_to_message(frame: VideoFrame) -> Image:
    """A bgr8 Image of a picture."""
    width, height = frame.size
    message = Image(height=height, width=width, encoding="bgr8", step=3 * width)
    message.header.stamp = stamp_message(frame.stamp_ns)
    message.header.frame_id = frame.frame_id
    message.data = byte_array(frame.image)
    return message


def mask_to_message(mask: np.ndarray, stamp: int, frame_id: str) -> Image:
    """A mono8 Image of a mask uint8 (rows, columns), of the picture with that stamp in nanoseconds."""
    height, width = mask.shape
    message = Image(height=height, width=width, encoding="mono8", step=width)
    message.header.stamp = stamp_message(stamp)
    message.header.frame_id = frame_id
    message.data = byte_array(mask)
    return message


def image_to_compressed(frame: VideoFrame, quality: int = 90) -> CompressedImage:
    """A JPEG CompressedImage of a picture."""
    _, encoded = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    message = CompressedImage(format="bgr8; jpeg compressed bgr8", data=byte_array(encoded))
    message.header.stamp = stamp_message(frame.stamp_ns)
    message.header.frame_id = frame.frame_id
    return message


def depth_from_message(message: Image) -> np.ndarray:
    """Depth in metres, float32 (rows, columns), of a 32FC1 (metres) or 16UC1 (millimetres) image (REP-118)."""
    scale = {"32FC1": 1.0, "16UC1": 1e-3, "mono16": 1e-3}.get(message.encoding)
    if scale is None:
        raise InputError(f"depth image encoding '{message.encoding}': send 32FC1 in metres or 16UC1 in millimetres")
    return np.asarray(_bridge.imgmsg_to_cv2(message, "passthrough"), np.float32) * np.float32(scale)


def _plain(message: Image) -> np.ndarray:
    """Pictures of bytes, with rows of any step (cv_bridge shears rows whose padding is not a whole pixel)."""
    channels, to_bgr = PLAIN_ENCODINGS[message.encoding]
    if message.step < channels * message.width:
        raise InputError(f"image step is {message.step} bytes, {message.width} pixels of {message.encoding} need more")
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    pixels = rows[:, : channels * message.width].reshape(message.height, message.width, channels)
    return pixels if to_bgr is None else cv2.cvtColor(np.ascontiguousarray(pixels), to_bgr)


def _converted(message: Image) -> np.ndarray:
    try:
        return np.asarray(_bridge.imgmsg_to_cv2(message, "bgr8"))
    except (CvBridgeError, ValueError, TypeError, KeyError, RuntimeError, cv2.error) as error:
        raise InputError(
            f"image encoding '{message.encoding}' cannot be turned into bgr8 ({error}): send bgr8, rgb8 or mono8"
        ) from error


# ------------------------------------------------------------------------------------------------ cameras
def camera_from_message(
    info: CameraInfo, position_m: np.ndarray | None = None, rotation: np.ndarray | None = None
) -> CameraModel:
    """The rectified pinhole camera of a CameraInfo (P where it is filled in, else K), mounted as given on the array.

    Raises InputError where it is not calibrated.
    """
    projection, intrinsics = np.asarray(info.p, float).reshape(3, 4), np.asarray(info.k, float).reshape(3, 3)
    matrix = projection[:, :3] if projection[0, 0] > 0 else intrinsics
    return CameraModel(
        int(info.width), int(info.height), matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2],
        np.zeros(3) if position_m is None else position_m,
        np.eye(3) if rotation is None else rotation,
        info.header.frame_id or "camera",
    )  # fmt: skip


def camera_to_message(camera: CameraModel, stamp: int) -> CameraInfo:
    """A CameraInfo without distortion, for the picture with that stamp in nanoseconds."""
    info = CameraInfo(width=camera.width, height=camera.height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.header.stamp = stamp_message(stamp)
    info.header.frame_id = camera.frame_id
    info.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def mount_from_transform(transform: Transform) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) and body rotation (3, 3) of a camera, from the transform of its OPTICAL frame in the array frame."""
    q = transform.rotation
    return xyz(transform.translation), rotation_from_quaternion(q.x, q.y, q.z, q.w) @ OPTICAL_TO_BODY.T


def transform_from_mount(camera: CameraModel) -> Transform:
    """The transform of the camera's optical frame in the array frame: the inverse of mount_from_transform."""
    transform = Transform(translation=vector_message(camera.position_m))
    transform.rotation = quaternion_message(quaternion_from_rotation(camera.rotation @ OPTICAL_TO_BODY))
    return transform
