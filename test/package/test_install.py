"""What an installed avloc_ros offers to ROS: messages, executables, share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from rclpy.serialization import deserialize_message, serialize_message

from avloc_ros import msg

ROOT = Path(__file__).resolve().parents[2]
EXECUTABLES = [
    "active_speaker", "attention", "audio_capture", "audio_tracker", "avloc", "camera_capture", "fusion", "overlay", "player",
    "sound_events", "speaker_tracker", "visual_detector",
]  # fmt: skip


@pytest.mark.parametrize("path", sorted((ROOT / "msg").glob("*.msg")), ids=lambda path: path.stem)
def test_every_message_is_generated_and_survives_serialization(path: Path) -> None:
    message_type = getattr(msg, path.stem)
    message = message_type()
    assert deserialize_message(serialize_message(message), message_type) == message


def test_grid_on_the_wire_keeps_its_cells() -> None:
    grid = msg.SpeakerGrid(
        rows=2, cols=3, probability=[0.0, 0.25, 0.5, 0.75, 1.0, 0.125], modality=msg.SpeakerGrid.FUSED
    )
    back = deserialize_message(serialize_message(grid), msg.SpeakerGrid)
    assert list(back.probability) == [0.0, 0.25, 0.5, 0.75, 1.0, 0.125]
    assert (back.rows, back.cols, back.modality) == (2, 3, 2)


def test_constants_are_the_contract() -> None:
    assert (msg.SpeakerGrid.AUDIO, msg.SpeakerGrid.VIDEO, msg.SpeakerGrid.FUSED) == (0, 1, 2)
    assert (msg.SpeakerGrid.IMAGE, msg.SpeakerGrid.SPHERE) == (0, 1)
    assert (msg.SoundEvent.ONSET, msg.SoundEvent.ACTIVE, msg.SoundEvent.OFFSET) == (0, 1, 2)
    assert (msg.Speaker.SOURCE_AUDIO, msg.Speaker.SOURCE_VIDEO) == (1, 2)
    assert msg.AudioFrame.S24LE == "S24LE"


@pytest.mark.parametrize("name", EXECUTABLES)
def test_executable_is_where_launch_looks(name: str) -> None:
    program = Path(get_package_prefix("avloc_ros")) / "lib" / "avloc_ros" / name
    assert os.access(program, os.X_OK)
    interpreter = program.read_text().splitlines()[0].removeprefix("#!")
    version = subprocess.run([interpreter, "-V"], capture_output=True, text=True, check=True).stdout.split()[
        1
    ]
    assert version.split(".")[:2] == [str(part) for part in sys.version_info[:2]]


def test_share_holds_the_dds_profile_and_the_manifest() -> None:
    share = Path(get_package_share_directory("avloc_ros"))
    assert (share / "package.xml").read_text() == (ROOT / "package.xml").read_text()
    assert (share / "config" / "dds" / "shared_memory.xml").is_file()


def test_nothing_shadows_the_generated_half() -> None:
    assert not (ROOT / "avloc_ros" / "msg").exists()
    assert not list((ROOT / "test").rglob("__init__.py"))


def test_python_started_in_the_source_tree_finds_the_messages() -> None:
    program = "import avloc_ros.types, avloc_ros.msg; print(avloc_ros.types.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(ROOT / "avloc_ros" / "types.py")
