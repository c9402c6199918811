"""ROS message types without ROS: the standard ones from `rosbags`, ours from the msg files of this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.config import shipped_folder
from avloc_ros.types import InputError

AUDIO_FRAME = "avloc_ros/msg/AudioFrame"
MICROPHONE_ARRAY = "avloc_ros/msg/MicrophoneArray"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
STRING = "std_msgs/msg/String"
TRANSFORMS = "tf2_msgs/msg/TFMessage"
NS = 1_000_000_000


@cache
def message_types() -> Any:
    """A `rosbags` typestore of the standard messages and ours. Raises InputError without `rosbags`."""
    try:
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError as error:
        raise InputError(
            f"bags need the package rosbags: pip install rosbags ({error})"
        ) from error
    store = get_typestore(Stores.LATEST)
    definitions: dict[str, Any] = {}
    for path in message_files():
        definitions |= get_types_from_msg(path.read_text(encoding="utf-8"), f"avloc_ros/msg/{path.stem}")
    store.register(definitions)
    return store


def message_files() -> list[Path]:
    """Our msg files, in the source tree or in the installed share folder."""
    files = sorted((shipped_folder() / "msg").glob("*.msg"))
    if not files:
        raise InputError(f"no message definitions in {shipped_folder() / 'msg'}: install the package again")
    return files


def make_message(type_name: str, fields: dict[str, Any]) -> Any:
    """A message from nested dicts; what is left out is zero or empty, `stamp` fields take nanoseconds.

    Raises InputError on an unknown type or field.
    """
    store = message_types()
    if type_name not in store.fielddefs:
        raise InputError(f"message type {type_name} is not known")
    definition = store.fielddefs[type_name][1]
    unknown = set(fields) - {name for name, _ in definition}
    if unknown:
        raise InputError(f"{type_name} has no field {', '.join(sorted(unknown))}")
    values = {name: _value(description, fields.get(name)) for name, description in definition}
    return store.types[type_name](**values)


def serialized(type_name: str, fields: dict[str, Any]) -> bytes:
    """The CDR bytes of a message made from dicts."""
    return bytes(message_types().serialize_cdr(make_message(type_name, fields), type_name))


def stamp_fields(stamp_ns: int) -> dict[str, int]:
    """builtin_interfaces/Time of nanoseconds."""
    return dict(zip(("sec", "nanosec"), divmod(stamp_ns, NS), strict=True))


def header_fields(stamp_ns: int, frame_id: str) -> dict[str, Any]:
    """std_msgs/Header."""
    return {"stamp": stamp_fields(stamp_ns), "frame_id": frame_id}


def stamp_of_message(message: Any) -> int:
    """Nanoseconds of header.stamp (or of a field `timestamp`, as foxglove has it)."""
    stamp = message.header.stamp if hasattr(message, "header") else message.timestamp
    return int(stamp.sec) * NS + int(stamp.nanosec)


def _value(description: Any, given: Any) -> Any:
    from rosbags.interfaces import Nodetype

    kind, argument = description
    if kind == Nodetype.BASE:
        return _default(argument[0]) if given is None else given
    if kind == Nodetype.NAME:
        return make_message(argument, given or {}) if given is None or isinstance(given, dict) else given
    inner, length = argument
    if inner[0] == Nodetype.BASE and inner[1][0] != "string":
        dtype = np.dtype(
            "bool"
            if inner[1][0] == "bool"
            else {"byte": "uint8", "char": "uint8"}.get(inner[1][0], inner[1][0])
        )
        if given is None:
            return np.zeros(length if kind == Nodetype.ARRAY else 0, dtype)
        if isinstance(given, (bytes, bytearray, memoryview)):
            return np.frombuffer(given, dtype)
        return np.ascontiguousarray(given, dtype).reshape(-1)
    return [_value(inner, item) for item in (given if given is not None else ())]


def _default(base: str) -> Any:
    return {"string": "", "bool": False, "float32": 0.0, "float64": 0.0}.get(base, 0)
