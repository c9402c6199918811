"""Reads a camera's calibration from YAML: as camera_calibration writes it, or as a scene's camera block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from avloc_ros.geometry import CameraModel
from avloc_ros.types import InputError


def load_camera(path: str | Path) -> CameraModel:
    """The camera of a file. Raises InputError, naming the file, where it is missing or malformed."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no camera file at {path}: calibrate with camera_calibration, or write width, height, fx, fy, cx, cy")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: need a mapping at the top level")
    try:
        is_calibration = "camera_matrix" in content
        return CameraModel.from_mapping(_from_calibration(content) if is_calibration else content.get("camera", content))
    except (InputError, KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: {error}") from error


def _from_calibration(content: dict[str, Any]) -> dict[str, Any]:
    """The keys of a scene from those of camera_calibration; the projection matrix is that of the rectified picture."""
    projection = content.get("projection_matrix", {}).get("data")
    matrix = content["camera_matrix"]["data"]
    fx, cx, fy, cy = (
        (projection[0], projection[2], projection[5], projection[6])
        if projection and projection[0] > 0
        else (matrix[0], matrix[2], matrix[4], matrix[5])
    )
    return {"width": content["image_width"], "height": content["image_height"], "fx": fx, "fy": fy, "cx": cx, "cy": cy}
