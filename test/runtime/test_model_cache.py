"""Prepared models are made once, found by what they were made from, and never seen half written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import avloc_ros.types
from avloc_ros.runtime.model_cache import cached_path, prepared_file, write_whole
from avloc_ros.types import InputError

WRITER = """
import sys
from pathlib import Path
from avloc_ros.runtime.model_cache import write_whole
for _ in range(60):
    write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 200_000)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_made_once_per_source_and_recipe(tmp_path: Path) -> None:
    made: list[str] = []

    def prepare() -> bytes:
        made.append("x")
        return b"result"

    first = prepared_file(b"source", "int8-v1", prepare)
    assert first == prepared_file(b"source", "int8-v1", prepare)
    assert first.read_bytes() == b"result"
    assert first.is_relative_to(tmp_path / "avloc_ros")
    assert prepared_file(b"source", "int8-v2", prepare) != first
    assert prepared_file(b"other", "int8-v1", prepare) != first
    assert len(made) == 3


def test_two_processes_together_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "models" / "face.onnx"
    source = Path(avloc_ros.types.__file__).resolve().parent.parent
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter], env={"PYTHONPATH": str(source)})
        for letter in "ab"
    ]
    seen: set[bytes] = set()
    while any(writer.poll() is None for writer in writers):
        if path.is_file():
            content = path.read_bytes()
            assert len(content) == 200_000
            seen.add(content[:1] if content == content[:1] * 200_000 else b"mixed")
    assert all(writer.returncode == 0 for writer in writers)
    assert seen and seen <= {b"a", b"b"}
    assert [item.name for item in path.parent.iterdir()] == ["face.onnx"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "models" / "face.onnx"
    with pytest.raises(TypeError):
        write_whole(path, "text")  # type: ignore[arg-type]
    assert list(path.parent.iterdir()) == []
    assert cached_path(b"a", "r").name.startswith("r-")


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder", encoding="utf-8")
    with pytest.raises(InputError, match="XDG_CACHE_HOME"):
        write_whole(tmp_path / "taken" / "face.onnx", b"x")
