"""What the launch files say of the nodes, held against the nodes: by their tables alone, so that no ROS distro is needed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from avloc_ros.cli.pipeline_options import NODES, SOURCES, node_class

ROOT = Path(__file__).resolve().parents[2]


def table(launch_file: str, name: str) -> Any:
    """The value of a name that a launch file assigns, where it is a plain one."""
    tree = ast.parse((ROOT / "launch" / launch_file).read_text(encoding="utf-8"))
    (value,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
    )
    return ast.literal_eval(value)


@pytest.fixture
def of_node() -> dict[str, tuple[str, ...]]:
    return table("localize.launch.py", "OF_NODE")


def test_every_argument_reaches_every_node_that_has_such_a_parameter(of_node):
    """`device:=cuda` that reaches some nodes only would be believed to hold for all."""
    arguments = {argument for names in of_node.values() for argument in names}
    for name in NODES:
        wanted = {argument for argument in arguments if argument in node_class(name).parameter_names()}
        assert set(of_node.get(name, ())) == wanted, name


def test_the_topics_of_a_node_are_those_that_its_documentation_names():
    """By the source of each node and of what it listens through, against docs/nodes.md."""
    documented = {}
    for line in (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[1].strip("`") in {*NODES, *SOURCES}:
            documented[cells[1].strip("`")] = set(re.findall(r"`(/?[\w/<>]+)`", " ".join(cells[2:4])))
    assert documented.keys() == {*NODES, *SOURCES}
    through = {"SoundInput(": ("audio", "audio_info"), "listen_to_pictures(": ("image", "image/compressed")}
    for name in NODES:
        source = (ROOT / "avloc_ros" / "nodes" / f"{name}.py").read_text(encoding="utf-8")
        topics = set(re.findall(r'self\.(?:announce|listen)\(\s*\w+,\s*"([^"]+)"', source))
        topics |= {topic for call, both in through.items() if call in source for topic in both}
        assert topics and topics <= documented[name], f"{name}: {sorted(topics - documented[name])}"


def test_every_topic_that_is_subscribed_can_be_remapped():
    remapped = {*table("localize.launch.py", "TOPICS"), "image/compressed"}
    for name in NODES:
        source = (ROOT / "avloc_ros" / "nodes" / f"{name}.py").read_text(encoding="utf-8")
        asked = set(re.findall(r'self\.listen\(\s*\w+,\s*"([^"]+)"', source))
        ours = {topic for other in NODES for topic in announced(other)}
        assert asked - ours <= remapped, f"{name}: {sorted(asked - ours - remapped)}"


def announced(name: str) -> list[str]:
    source = (ROOT / "avloc_ros" / "nodes" / f"{name}.py").read_text(encoding="utf-8")
    return re.findall(r'self\.announce\(\s*\w+,\s*"([^"]+)"', source)
