"""Fast DDS with a large shared memory transport, unless the user has a profile of his own.

With the default segment, best-effort pictures between processes are lost almost entirely (measured: docs/nodes.md).
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from avloc_ros.config import shipped_folder
from avloc_ros.types import InputError

PROFILE = "config/dds/shared_memory.xml"
VARIABLE, OLD_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"
DISTROS_OF_FAST_DDS_2 = ("humble", "iron", "jazzy")  # these know the old variable; later ones warn of it


def use_shared_memory_profile(environment: MutableMapping[str, str] = os.environ) -> str:
    """Point Fast DDS at the shipped profile; call before rclpy.init. Returns the profile in use, "" where none is.

    A profile that the user has set, and another middleware, are left alone.
    """
    chosen = environment.get(VARIABLE) or environment.get(OLD_VARIABLE)
    if chosen:
        return chosen
    if "fastrtps" not in environment.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp"):
        return ""
    try:
        profile = shipped_folder() / PROFILE
    except InputError:
        return ""  # not installed: the default transport works for one process
    if not profile.is_file():
        return ""
    is_old = environment.get("ROS_DISTRO") in DISTROS_OF_FAST_DDS_2
    environment[OLD_VARIABLE if is_old else VARIABLE] = str(profile)
    return str(profile)
