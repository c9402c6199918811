"""Slips of names: what is taken for one, and what is left alone."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from avloc_ros.config import hint
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.spelling import meant
from avloc_ros.types import InputError

PACKAGE = Path(__file__).resolve().parents[2] / "avloc_ros"
NODES = (
    "active_speaker", "attention", "audio_capture", "audio_tracker", "camera_capture", "fusion", "overlay", "player",
    "sound_events", "speaker_tracker", "visual_detector",
)  # fmt: skip


@pytest.mark.parametrize(
    ("slip", "name"),
    [
        ("refine_filter", "refine_filters"),  # a letter missing
        ("inner.gian", "inner.gain"),  # two swapped
        ("thresholdd", "threshold"),  # one too many
        ("sound_speed", "sound_speed_mps"),  # without its unit
        ("positions", "positions_m"),
        ("max_wait_ms", "max_wait_s"),  # with another one
        ("comment", ""),
        ("device", ""),  # of device_channels: a longer name is no slip
        ("rate", ""),
    ],
)
def test_a_slip_is_told_from_another_name(slip, name):
    known = "refine refine_filters inner.gain threshold max_wait_s positions_m sound_speed_mps device_channels"
    assert meant(slip, known.split()) == name


def test_all_that_ask_are_told_the_same():
    """In a recipe, in an array file: the limits differed, and `channel_nam` was a slip for one and not for the other."""
    for slip in ("sound_speed", "channel_name", "mics", "frame_idd"):
        close = meant(slip, ("positions_m", "mics_m", "channel_names", "sound_speed_mps", "frame_id"))
        assert close and close in hint(slip, [close, "other"])
        with pytest.raises(InputError, match=f"did you mean '{close}'"):
            MicrophoneArray.from_mapping({"positions_m": [[0, 0, 0], [0, 0.1, 0]], slip: 1})
    assert "known: channels, weights" in hint("wight", ["weights", "channels"])  # .83: no slip to the others either


def test_no_parameter_of_one_node_is_taken_for_a_slip_of_another_nodes():
    """A block `/**` of a parameter file gives every node what is meant for some: that must not be warned of."""
    pytest.importorskip("rclpy")
    names = {}
    for node in NODES:
        module = importlib.import_module(f"avloc_ros.nodes.{node}")
        (node_class,) = (kind for kind in vars(module).values() if getattr(kind, "NAME", None) == node)
        names[node] = node_class.parameter_names()
    everything = set().union(*names.values())
    taken = [(name, node) for node, known in names.items() for name in everything - known if meant(name, known)]
    assert not taken


def test_nobody_asks_difflib_but_the_one_function():
    askers = [path.name for path in PACKAGE.rglob("*.py") if "difflib" in path.read_text(encoding="utf-8")]
    assert askers == ["spelling.py"]
