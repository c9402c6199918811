"""onnxruntime is imported with telemetry off, leaves nothing at home, and is imported in one place only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import avloc_ros.types

SCRIPT = """
import os
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
from avloc_ros.runtime.telemetry import import_onnxruntime
ort = import_onnxruntime()
ort.InferenceSession  # the real module
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


def test_import_writes_nothing_at_home(tmp_path: Path) -> None:
    source = str(Path(avloc_ros.types.__file__).resolve().parent.parent)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
    assert [path for path in tmp_path.rglob("*")] == []


def test_there_is_one_door_to_onnxruntime() -> None:
    package = Path(avloc_ros.types.__file__).resolve().parent
    direct = re.compile(r"^\s*(import onnxruntime|from onnxruntime)", re.MULTILINE)
    found = [path.name for path in package.rglob("*.py") if direct.search(path.read_text(encoding="utf-8"))]
    assert found == []
