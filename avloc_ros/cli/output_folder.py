"""Whether a folder for results can be written, asked before the work that takes hours."""

from __future__ import annotations

import os
from pathlib import Path

from avloc_ros.types import InputError


def check_writable(folder: Path, option: str = "--out") -> None:
    """Raises InputError where `folder` is a file, or can be neither written nor made. Makes nothing."""
    nearest = folder.absolute()
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    if not nearest.is_dir():
        raise InputError(f"{option} {folder}: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{option} {folder}: {nearest} may not be written to")
