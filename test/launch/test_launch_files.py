"""The launch files themselves, by launch_pytest: they start, a scene goes in, speakers come out, they end cleanly."""

# ruff: noqa: E402 - what is missing is named before it is imported
from __future__ import annotations

import runpy

import numpy as np
import pytest

launch_pytest = pytest.importorskip(
    "launch_pytest", reason="needs launch_pytest, which no wheel has: run it on a ROS distro"
)
pytest.importorskip("launch_ros", reason="needs launch_ros, which no wheel has: run it on a ROS distro")

from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import (
    PythonLaunchDescriptionSource,
    get_launch_description_from_python_launch_file,
)
from launch_ros.actions import Node
from rosbags.highlevel import AnyReader
from tf2_msgs.msg import TFMessage

from avloc_ros.geometry import angles_from_direction
from avloc_ros.msg import AudioFrame, SpeakerArray
from launch import LaunchContext, LaunchDescription

EXIT_CODES: dict[str, int] = {}
# The sound is a buzz, no words, and nobody is seen: for the classical tracker and the flat weights.
MINE = """
/**/audio_tracker:
  ros__parameters:
    tracker: srp
/**/fusion:
  ros__parameters:
    kind: flat
/**/speaker_tracker:
  ros__parameters:
    frame_prefix: mine_
    tracker.audio.inside_picture: sphere
"""


def included(launch_file, **arguments: str) -> LaunchDescription:
    source = PythonLaunchDescriptionSource(str(launch_file))
    note_exit = OnProcessExit(
        on_exit=lambda event, _: EXIT_CODES.__setitem__(event.process_name, event.returncode)
    )
    return LaunchDescription(
        [
            IncludeLaunchDescription(source, launch_arguments=arguments.items()),
            RegisterEventHandler(note_exit),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@launch_pytest.fixture
def replayed(launch_folder, spoken_scene):
    """replay.launch.py with nothing but what it needs: the settings and weights are those that are shipped."""
    return included(
        launch_folder / "replay.launch.py", path=str(spoken_scene[0]), namespace="room", loop="true"
    )


@pytest.fixture(scope="session")
def params_file(tmp_path_factory):
    """What a user's own file says must not be overridden by the defaults of launch arguments."""
    path = tmp_path_factory.mktemp("settings") / "mine.yaml"
    path.write_text(MINE)
    return path


@launch_pytest.fixture
def localizing(launch_folder, buzzing_scene, params_file):
    """localize.launch.py with its topics remapped to those of a robot, and a player that publishes them."""
    description = included(
        launch_folder / "localize.launch.py",
        namespace="robot", audio_topic="/head/sound", image_topic="/head/picture", camera_info_topic="/head/calibration",
        microphone_array_topic="/head/array", overlay="false", device="cpu", params_file=str(params_file),
    )  # fmt: skip
    names = {"audio": "sound", "image": "picture", "camera_info": "calibration", "microphone_array": "array"}
    player = Node(
        package="avloc_ros", executable="player", name="player",
        remappings=[(ours, f"/head/{theirs}") for ours, theirs in names.items()],
        parameters=[{"path": str(buzzing_scene[0]), "loop": True}],
    )  # fmt: skip
    description.add_action(player)
    return description


def has_speakers(messages: list, count: int = 10) -> bool:
    return sum(bool(message.speakers) for message in messages) >= count


def median_azimuth_deg(messages: list) -> float:
    directions = [speaker.direction for message in messages for speaker in message.speakers]
    return float(
        np.median([np.degrees(angles_from_direction(np.array([d.x, d.y, d.z]))[0]) for d in directions])
    )


@pytest.mark.launch(fixture=replayed)
def test_replay_finds_the_talker_of_a_scene(ears, spoken_scene):
    heard = ears(SpeakerArray, "/room/speakers", has_speakers)
    assert has_speakers(heard), f"{len(heard)} messages, none with speakers"
    assert abs(median_azimuth_deg(heard) - spoken_scene[1]) < 5
    assert heard[-1].header.frame_id == "microphone_array"


@pytest.mark.launch(fixture=localizing)
def test_localize_on_remapped_topics_and_its_clean_end(ears, buzzing_scene):
    EXIT_CODES.clear()
    frames = ears(TFMessage, "/tf", lambda messages: len(messages) > 0)
    assert frames and frames[0].transforms[0].child_frame_id.startswith("mine_voice_"), (
        "params_file is not heeded"
    )
    heard = ears(SpeakerArray, "/robot/speakers", has_speakers)
    assert has_speakers(heard), f"{len(heard)} messages, none with speakers"
    assert abs(median_azimuth_deg(heard) - buzzing_scene[1]) < 5
    yield  # launch has shut all down
    assert len(EXIT_CODES) == 6 and not any(EXIT_CODES.values()), EXIT_CODES


@pytest.fixture(scope="session")
def new_bag(tmp_path_factory):
    return tmp_path_factory.mktemp("recorded") / "bag"


@launch_pytest.fixture
def recording(launch_folder, buzzing_scene, new_bag):
    """record.launch.py, until all is ended, beside a player."""
    description = included(launch_folder / "record.launch.py", out=str(new_bag))
    source = {"path": str(buzzing_scene[0]), "loop": True}
    description.add_action(Node(package="avloc_ros", executable="player", name="player", parameters=[source]))
    return description


@pytest.mark.launch(fixture=recording)
def test_record_leaves_a_bag_that_can_be_read(ears, new_bag):
    EXIT_CODES.clear()
    # The recorder may start seconds after the player: from when it listens.
    heard = ears(AudioFrame, "/audio", lambda messages: len(messages) > 150, beside=1)
    assert len(heard) > 150
    yield  # launch has shut all down
    assert len(EXIT_CODES) == 2 and not any(EXIT_CODES.values()), EXIT_CODES
    with AnyReader([new_bag]) as bag:
        counts = {connection.topic: connection.msgcount for connection in bag.connections}
    assert counts["/audio"] > 50 and counts["/camera_info"] > 25 and counts["/microphone_array"] == 1, counts


def with_defaults(launch_folder) -> tuple[dict, LaunchContext]:
    """What localize.launch.py defines, and a context in which none of its arguments is given."""
    localize = runpy.run_path(str(launch_folder / "localize.launch.py"))
    context = LaunchContext()
    for name, (default, _) in localize["ARGUMENTS"].items():
        context.launch_configurations[name] = default if isinstance(default, str) else ""
    return localize, context


@pytest.mark.parametrize("name", ["localize", "replay", "smart_room", "record"])
def test_every_launch_file_loads_and_describes_its_arguments(launch_folder, name):
    description = get_launch_description_from_python_launch_file(str(launch_folder / f"{name}.launch.py"))
    for argument in description.get_launch_arguments():
        assert argument.description and argument.description != "no description given", argument.name


@pytest.mark.parametrize(
    ("given", "added", "left_out"),
    [
        ({}, set(), set()),
        ({"sound_events": "coloc"}, {"sound_events"}, set()),
        ({"active_speaker": "true"}, {"active_speaker"}, {"fusion"}),
    ],
)
def test_arguments_choose_the_nodes_of_localize(launch_folder, given, added, left_out):
    localize, context = with_defaults(launch_folder)
    context.launch_configurations.update(given)
    nodes = {node.node_executable for node in localize["pipeline_nodes"](context)}
    assert nodes == {*localize["NODES"], "overlay"} - left_out | added


def test_only_arguments_that_are_given_override_the_parameter_file(launch_folder):
    localize, context = with_defaults(launch_folder)
    for node in (*localize["NODES"], "overlay"):
        assert localize["chosen_parameters"](node, context) == {}, node
    context.launch_configurations.update({"array_file": "mine.yaml", "use_sim_time": "true"})
    chosen = localize["chosen_parameters"]("audio_tracker", context)
    assert {key: value.evaluate(context) for key, value in chosen.items()} == {
        "array_file": "mine.yaml",
        "use_sim_time": True,
    }
