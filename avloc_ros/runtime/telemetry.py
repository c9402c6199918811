"""The one door to onnxruntime: it opens with telemetry off, because importing it would leave a device id at home."""

from __future__ import annotations

import importlib
import os
from typing import Any

from avloc_ros.types import InputError


def import_onnxruntime() -> Any:
    """The module onnxruntime, imported with its telemetry disabled. Raises InputError where it is not installed."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise InputError(
            "onnxruntime is not installed: pip install onnxruntime (onnxruntime-gpu[cuda,cudnn] on a CUDA machine)"
        ) from error
