"""Which nodes the pipeline has, the options that choose their parameters, and how those become parameters."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from avloc_ros.cli.given_options import yaml_value
from avloc_ros.config import hint, shipped_folder
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.parameter_file import load_parameters, parameter_blocks
from avloc_ros.runtime.engines import require_device
from avloc_ros.types import InputError

NODES = {
    "audio_tracker": "AudioTrackerNode",
    "visual_detector": "VisualDetectorNode",
    "fusion": "FusionNode",
    "active_speaker": "ActiveSpeakerNode",
    "speaker_tracker": "SpeakerTrackerNode",
    "attention": "AttentionNode",
    "overlay": "OverlayNode",
    "sound_events": "SoundEventsNode",
}
# system -> its nodes, each with what it sets of them
SYSTEMS: dict[str, dict[str, dict[str, Any]]] = {
    "dsw": {name: {} for name in ("audio_tracker", "visual_detector", "fusion", "speaker_tracker", "attention", "overlay")},
    "av_seld": {"sound_events": {"system.backend": "av_seld"}},
    "coloc": {"sound_events": {"system.backend": "coloc"}},
    "asl_unet": {
        name: {} for name in ("audio_tracker", "visual_detector", "active_speaker", "speaker_tracker", "attention", "overlay")
    },
}
DEFAULT_SYSTEM = "dsw"
SOURCES = {"player": "PlayerNode", "audio_capture": "AudioCaptureNode", "camera_capture": "CameraCaptureNode"}
INFERRING = ("audio_tracker", "visual_detector", "fusion", "sound_events", "active_speaker")  # these take --device
LISTENING = ("audio_tracker", "sound_events")  # these take --array
DEFAULT_PARAMETERS = "config/localize.yaml"


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """Options that every command with a pipeline has."""
    parser.add_argument(
        "--system",
        action="append",
        choices=tuple(SYSTEMS),
        help=f"whose nodes to run; may be repeated (default: {DEFAULT_SYSTEM})",
    )
    parser.add_argument("--namespace", default="", help="namespace of the robot or room")
    parser.add_argument("--params-file", type=Path, help=f"ROS parameter file; default: the shipped {DEFAULT_PARAMETERS}")
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NODE.NAME:=VALUE", help="one parameter; may be repeated"
    )
    parser.add_argument("--array", type=Path, help="microphone array file (see `avloc arrays`)")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N for what infers; default: as the parameter file says")
    parser.add_argument(
        "--one-process",
        action="store_true",
        help="all nodes in this process: less memory, more delay (default: the ear, the overlay and what else computes much have "
        "a process each, unless there is a single core)",
    )
    parser.add_argument("--no-overlay", action="store_true", help="do not draw the overlay picture")
    parser.add_argument("--no-table", action="store_true", help="do not show the live table")


def node_class(name: str) -> type[Any]:
    """The class of a node by its name; imported here, so that an unused capture library is not needed."""
    class_name = {**NODES, **SOURCES}[name]
    found: type[Any] = getattr(importlib.import_module(f"avloc_ros.nodes.{name}"), class_name)
    return found


def pipeline_nodes(options: argparse.Namespace) -> list[str]:
    """Names of the nodes of all systems that are asked for, each once."""
    names = dict.fromkeys(name for system in _systems(options) for name in SYSTEMS[system])
    return [name for name in names if not (options.no_overlay and name == "overlay")]


def pipeline_parameters(options: argparse.Namespace, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parameters per node from the file, --system, --array, --device and --param, the later ones winning.

    Raises InputError on a file that cannot be read or says nothing to these nodes, on a --param that names no node of this
    process, on a parameter that its node does not have, on an --array that is none and on a --device that is not there: a node
    would wait for something better.
    """
    path = options.params_file or shipped_folder() / DEFAULT_PARAMETERS
    parameters = {name: load_parameters(path, name, options.namespace) for name in names}
    if options.params_file is not None:
        check_file(path, names, options.namespace)
    if options.array is not None:
        MicrophoneArray.load(options.array)
    if options.device is not None:
        require_device(options.device)
    for system in _systems(options):
        for name, preset in SYSTEMS[system].items():
            if name in parameters:
                parameters[name] |= preset
    if "fusion" in parameters and "active_speaker" in parameters:
        parameters["active_speaker"].setdefault("publish_grid", False)  # speaker_grid is the fusion's
    for name in INFERRING:
        if name in parameters and options.device is not None:
            parameters[name]["device"] = options.device
    for name in LISTENING:
        if options.array is not None and name in parameters:
            parameters[name]["array_file"] = str(options.array)
    for text in options.param:
        node, name, value = parsed_parameter(text)
        if node not in parameters:
            raise InputError(f"--param {text}: no node '{node}' here; nodes: {', '.join(names)}")
        check_names(node, [name], f"--param {text}")
        parameters[node][name] = value
    return parameters


def check_file(path: Path, names: Sequence[str], namespace: str) -> None:
    """Raises InputError where no block of a parameter file is for these nodes, or one has a parameter that its node has not.

    What `/**` has may be for nodes of others.
    """
    blocks = parameter_blocks(path)
    for block in blocks:
        for name in names:
            if not block.is_for_all and block.matches(name, namespace):
                check_names(name, block.parameters, f"{path}, {block.pattern}")
    if not any(block.matches(name, namespace) for block in blocks for name in names):
        raise InputError(
            f"{path} says nothing to {', '.join(names)} in the namespace /{namespace.strip('/')}; "
            f"its blocks are for {', '.join(block.pattern for block in blocks)}"
        )


def check_names(node: str, names: Iterable[str], where: str) -> None:
    """Raises InputError, beginning with `where`, on a parameter that a node does not have: ROS would pass over it in silence."""
    known = node_class(node).parameter_names()
    for name in names:
        if name not in known and not name.startswith("qos_overrides."):
            raise InputError(f"{where}: {node} has no parameter '{name}'{hint(name, known)}")


def parsed_parameter(text: str) -> tuple[str, str, Any]:
    """'fusion.max_wait_s:=0.2' -> ('fusion', 'max_wait_s', 0.2). Raises InputError where it has another form."""
    target, separator, value = text.partition(":=")
    node, dot, name = target.partition(".")
    if not separator or not dot or not name:
        raise InputError(f"--param {text}: write NODE.NAME:=VALUE, as in fusion.max_wait_s:=0.2")
    return node, name, yaml_value(value, f"--param {text}")


def _systems(options: argparse.Namespace) -> list[str]:
    return list(dict.fromkeys(getattr(options, "system", None) or [DEFAULT_SYSTEM]))
