"""Message classes by their ROS type names, for messages of packages that may not be installed."""

from __future__ import annotations

import importlib
from typing import Any

from avloc_ros.types import InputError


def message_class(type_name: str) -> Any:
    """The Python class of a type such as audio_utils_msgs/msg/AudioFrame. Raises InputError where it is not there."""
    parts = type_name.split("/")
    if len(parts) != 3 or parts[1] != "msg":
        raise InputError(f"'{type_name}' is no message type: write PACKAGE/msg/NAME")
    try:
        return getattr(importlib.import_module(f"{parts[0]}.msg"), parts[2])
    except ModuleNotFoundError as error:
        raise InputError(f"{type_name}: package {parts[0]} is not installed, or not sourced") from error
    except AttributeError as error:
        raise InputError(f"package {parts[0]} has no message {parts[2]}") from error
