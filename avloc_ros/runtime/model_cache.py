"""Prepared models in the cache folder: keyed by what they were made from, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from avloc_ros.config import cache_folder
from avloc_ros.types import InputError


def prepared_file(source: bytes, recipe: str, prepare: Callable[[], bytes]) -> Path:
    """The cached result of `prepare`; made at the first call for this source and recipe (a name with its version).

    Two processes that start together each write a file of their own and rename it: either result is complete.
    """
    path = cached_path(source, recipe)
    if not path.is_file():
        write_whole(path, prepare())
    return path


def cached_path(source: bytes, recipe: str) -> Path:
    """Where the result of a recipe on a source lies; the name holds both, so a new version is a new file."""
    return cache_folder() / "models" / f"{recipe}-{hashlib.sha256(source).hexdigest()[:16]}.onnx"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others see complete or not at all. Raises InputError where the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    except OSError as error:
        raise InputError(
            f"the cache folder {path.parent} cannot be written ({error}): set XDG_CACHE_HOME to one that can"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
