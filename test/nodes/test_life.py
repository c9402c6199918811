"""Life cycle, parameters and processes of the nodes, as a user meets them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from avloc_ros.config import shipped_folder
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import MicrophoneArray as MicrophoneArrayMessage, SpeakerArray
from avloc_ros.nodes.attention import AttentionConfig, AttentionNode
from avloc_ros.nodes.audio_capture import AudioCaptureNode
from avloc_ros.nodes.audio_tracker import AudioTrackerNode
from avloc_ros.nodes.base.compose import make_node, run_in_one_process
from avloc_ros.nodes.base.source_node import SourceNode
from avloc_ros.nodes.camera_capture import CameraCaptureNode
from avloc_ros.nodes.fusion import FusionNode
from avloc_ros.nodes.messages.quality_of_service import image_quality, result_quality
from avloc_ros.nodes.player import PlayerNode
from avloc_ros.nodes.speaker_tracker import SpeakerTrackerNode
from avloc_ros.nodes.visual_detector import VisualDetectorNode
from avloc_ros.parameter_file import load_parameters
from avloc_ros.sources.scene import write_scene
from avloc_ros.types import InputError

NODES = ("active_speaker", "attention", "audio_capture", "audio_tracker", "camera_capture", "fusion", "overlay", "player",
         "sound_events", "speaker_tracker", "visual_detector")  # fmt: skip


def test_a_bad_setting_is_refused_with_the_reason_and_a_good_one_holds(rig):
    (node,) = rig.add(SpeakerTrackerNode)
    (refused,) = node.set_parameters([Parameter("camera.position_m", value=[1.0, 2.0])])
    assert not refused.successful and "needs three finite numbers in metres" in refused.reason
    (refused,) = node.set_parameters([Parameter("tracker.life.memory_s", value=-1.0)])
    assert not refused.successful and "tracker.life.memory_s" in refused.reason
    (refused,) = node.set_parameters([Parameter("camera.mount_from", value="guess")])
    assert not refused.successful and "auto, tf, parameters" in refused.reason
    (refused,) = node.set_parameters([Parameter("max_wait_s", value=1.0)])
    assert not refused.successful and "read-only" in refused.reason
    (done,) = node.set_parameters([Parameter("tracker.life.memory_s", value=3)])  # an integer will do
    assert done.successful and node.config.tracker.life.memory_s == 3.0


def test_an_atomic_set_is_taken_whole_or_not_at_all(rig):
    (node,) = rig.add(FusionNode)
    before = node.config.threshold
    bad = [Parameter("threshold", value=0.77), Parameter("stale_after_s", value="long")]
    for order in (bad, bad[::-1]):
        assert not node.set_parameters_atomically(order).successful
        assert node.config.threshold == before == node.get_parameter("threshold").value
    assert node.set_parameters_atomically([bad[0], Parameter("stale_after_s", value=3.0)]).successful
    assert node.config.threshold == 0.77 and node.health._stale_after_s == 3.0


def test_every_parameter_is_described(rig):
    (node,) = rig.add(FusionNode)
    for name in ("max_wait_s", "threshold", "autostart", "stale_after_s"):
        descriptor = node.describe_parameter(name)
        assert descriptor.description
        assert name == "autostart" or descriptor.floating_point_range[0].to_value > 0


def test_a_parameter_out_of_range_stops_the_start_with_a_clear_line(rig, capfd):
    with pytest.raises(InputError, match="threshold"):
        make_node(FusionNode, rig.context, {"fusion": {"threshold": 7.0}})
    assert run_in_one_process([FusionNode], {"fusion": {"threshold": 7.0}}, until=lambda: True) == 2
    assert "threshold" in capfd.readouterr().err


def test_a_namespace_that_ros_does_not_take_stops_the_start_with_a_clear_line(capfd):
    assert run_in_one_process([FusionNode], namespace="1st room", until=lambda: True) == 2
    said = capfd.readouterr().err
    assert "namespace '1st room'" in said and "Traceback" not in said


def test_a_misspelt_parameter_is_told_and_one_meant_for_others_is_not(rig, capfd):
    given = {"switch_after": 2.0, "camera.yaw_rad": 0.1, "use_sim_time": False}
    (node,) = rig.add(AttentionNode, parameters={"attention": given})
    said = "".join(capfd.readouterr())
    assert "parameter 'switch_after' is not known and has no effect: did you mean 'switch_after_s'?" in said
    assert "yaw_rad" not in said and "use_sim_time" not in said
    assert node.config == AttentionConfig()


def test_a_source_that_cannot_be_opened_ends_the_process_that_plays_it():
    assert run_in_one_process([PlayerNode], {"player": {"path": "no/such/scene", "exit_at_end": True}}) == 2


def test_a_node_that_could_not_be_configured_shows_in_the_status_of_the_process(capfd):
    """The others go on without it; who runs the process by a script must learn of it all the same."""
    bad = {"fusion": {"weights": "no/such/weights.onnx", "kind": "scalar"}}

    def status_after_a_while(needs_all):
        begin_s = time.monotonic()
        is_over = lambda: time.monotonic() - begin_s > 1.5  # noqa: E731
        return run_in_one_process([AttentionNode, FusionNode], bad, until=is_over, needs_all=needs_all)

    assert status_after_a_while(needs_all=False) == 0  # a ROS executable: its life cycle manager may configure it anew
    assert status_after_a_while(needs_all=True) == 2
    said = capfd.readouterr().err
    assert "could not be configured, see above: fusion" in said and "attention" not in said.split("see above")[1]


@pytest.mark.parametrize("node_class", [CameraCaptureNode, AudioCaptureNode])
def test_a_device_that_a_command_named_and_that_is_not_there_ends_it(node_class, capfd):
    asked = {node_class.NAME: {"device": "no-such-device", "exit_without_device": True}}
    assert run_in_one_process([node_class], asked) == 2
    said = capfd.readouterr().err
    assert "cannot configure" in said and ("no-such-device" in said or "PortAudio" in said)  # where there is none, that is said


def test_without_autostart_the_life_cycle_is_the_users(rig):
    node = make_node(FusionNode, rig.context, {"fusion": {"autostart": False}})
    rig.executor.add_node(node)
    rig.nodes.append(node)
    assert not rig.wait(lambda: node.is_active, 0.3)
    for transition in "configure activate deactivate activate deactivate cleanup configure activate".split():
        assert getattr(node, f"trigger_{transition}")().name == "SUCCESS", transition
        assert node.is_active == (transition == "activate")


def test_a_node_is_stopped_and_goes_on_in_mid_stream(pipeline):
    fusion = next(node for node in pipeline.nodes if node.get_name() == "fusion")
    fusion.trigger_deactivate()
    pipeline.talk(0.6)
    pipeline.seen.clear()
    pipeline.talk(0.6)
    assert not pipeline.seen.grids and pipeline.seen.has_speaker()  # faces and sound still reach the tracker
    assert pipeline.seen.said("fusion", "not active") and pipeline.seen.said("speaker_tracker", "no speaker_grid for")
    fusion.trigger_activate()
    assert pipeline.talk_until(lambda: pipeline.seen.modalities()[-3:] == [2, 2, 2])


def test_a_device_that_is_not_there_is_named(rig):
    rig.add(AudioTrackerNode, parameters={"audio_tracker": {"device": "cuda:7"}})
    rig.tell_array()
    assert rig.talk_until(lambda: rig.seen.said("audio_tracker", "no output: device is cuda:7, but torch"))


def test_a_node_that_cannot_configure_says_why(rig):
    node = make_node(PlayerNode, rig.context, {"**": {}, "player": {"path": "no/such/scene", "diagnostics_period_s": 0.1}})
    rig.executor.add_node(node)
    rig.nodes.append(node)
    assert rig.wait(lambda: rig.seen.said("player", "no/such/scene: no such file or folder"))
    assert not node.is_active


def test_no_array_and_a_wrong_one_are_named(rig, faults):
    rig.add(AudioTrackerNode)
    rig.talk(0.8)
    why = "no output: no microphone array: publish it (latched) on /microphone_array"
    assert rig.wait(lambda: rig.seen.said("audio_tracker", why))
    rig.tell_array(MicrophoneArray([[0, 0, 0], [0.1, 0, 0]], name="pair"))
    assert rig.talk_until(lambda: rig.seen.said("audio_tracker", "audio has 4 channels"))
    rig.tell_array()  # the right one, while running
    rig.seen.clear()
    assert rig.talk_until(lambda: "audio_tracker" in rig.seen.words and "no output" not in rig.seen.words["audio_tracker"][-1])


def test_an_array_that_is_not_latched_is_told_apart_from_one_that_nobody_publishes(rig):
    rig.node.destroy_publisher(rig._array)
    rig._array = rig.node.create_publisher(MicrophoneArrayMessage, "microphone_array", result_quality())
    rig.add(AudioTrackerNode)
    rig.tell_array()
    assert rig.talk_until(lambda: rig.seen.said("audio_tracker", "offers volatile, we ask for transient local (latched)"))


def test_a_namespace_and_many_rooms_do_not_mix(rig):
    rooms = [make_node(AttentionNode, rig.context, {}, f"/{room}") for room in ("kitchen", "hall")]
    for room in rooms:
        rig.executor.add_node(room)
        rig.nodes.append(room)
    assert rig.wait(lambda: all(room.is_active for room in rooms), 10)
    assert [room.resolve_topic_name("speakers") for room in rooms] == ["/kitchen/speakers", "/hall/speakers"]


def run_fusion(*arguments: str) -> subprocess.Popen:
    return start_node("fusion", "--ros-args", "-p", "max_wait_s:=0.15", "-p", "diagnostics_period_s:=0.1", *arguments)


def start_node(name: str, *arguments: str) -> subprocess.Popen:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "  # as the installed executables begin
        f"from avloc_ros.nodes.{name} import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def shared_segments(process: int | str) -> set[str]:
    """Shared memory of Fast DDS that a process has mapped."""
    words = (line.split() for line in Path(f"/proc/{process}/maps").read_text().splitlines())
    return {parts[5] for parts in words if len(parts) > 5 and parts[5].startswith("/dev/shm/fastrtps")}


def test_a_node_killed_and_restarted(rig):
    from avloc_ros.nodes.visual_detector import VisualDetectorNode

    fusion = run_fusion()
    try:
        rig.add(AudioTrackerNode, VisualDetectorNode, SpeakerTrackerNode)
        rig.tell_array()
        fused = lambda: rig.seen.modalities()[-3:] == [2, 2, 2]  # noqa: E731
        # The tracker may find fusion's publisher later than we do, and would then say that no grid came yet.
        served = lambda: "no speaker_grid" not in (rig.seen.words["speaker_tracker"] or ["no speaker_grid"])[-1]  # noqa: E731
        assert rig.talk_until(fused, 15)
        assert rig.talk_until(served)
        left_behind = shared_segments(fusion.pid) - shared_segments("self")
        fusion.kill()
        fusion.wait()
        for segment in left_behind:  # SIGKILL leaves no time to clean up
            Path(segment).unlink(missing_ok=True)
        rig.seen.clear()
        assert rig.talk_until(lambda: rig.seen.said("speaker_tracker", "no speaker_grid for"))
        assert rig.talk_until(rig.seen.has_speaker)  # the tracker goes on with faces and sound
        fusion = run_fusion()
        rig.seen.clear()
        assert rig.talk_until(fused, 15)
        assert rig.talk_until(served)  # sound and pictures go on until it has found the new publisher
    finally:
        fusion.send_signal(signal.SIGINT)
        fusion.communicate(timeout=10)


@pytest.mark.parametrize("name", NODES)
def test_sigint_ends_a_running_node_cleanly(name):
    node = start_node(name, "--ros-args", "-p", "diagnostics_period_s:=0.1")
    for line in node.stdout:  # its first word in the log: it runs, or says what it lacks
        if f"[{name}]" in line:
            break
    node.send_signal(signal.SIGINT)
    rest, _ = node.communicate(timeout=10)
    assert "Traceback" not in rest
    assert node.returncode == 0


@pytest.mark.parametrize("after_s", [0.25, 0.6, 1.0, 1.6])
def test_sigint_at_any_time_leaves_no_traceback(after_s):
    node = start_node("visual_detector")
    time.sleep(after_s)
    node.send_signal(signal.SIGINT)
    output, _ = node.communicate(timeout=15)
    assert "Traceback" not in output
    assert node.returncode in (0, 130, -signal.SIGINT)


class ClosedUnderItsReader:
    """A source whose reader gets an error when the device is closed, or at once where it is broken."""

    array = camera = None
    sample_rate_hz, fps, duration_s, name = 16000, 0.0, None, "device"

    def __init__(self, is_broken: bool) -> None:
        self.closed = threading.Event()
        if is_broken:
            self.closed.set()

    def __iter__(self):
        self.closed.wait(5)
        raise OSError("device is gone")
        yield

    def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("is_broken", [False, True])
def test_only_a_device_that_fails_by_itself_is_a_failure(rig, is_broken):
    class Device(SourceNode):
        NAME, CONFIG = "device", AttentionConfig

        def open(self):
            return ClosedUnderItsReader(is_broken)

    (node,) = rig.add(Device)
    thread = node._thread
    if not is_broken:
        node.trigger_deactivate()
    thread.join(5)
    assert not thread.is_alive()
    assert rig.wait(lambda: rig.seen.said("device", "device is gone" if is_broken else "not active"))
    assert rig.seen.said("device", "device is gone") == is_broken


def test_a_model_that_cannot_be_loaded_is_named_until_a_good_one_is_set(rig, faults):
    (node,) = rig.add(VisualDetectorNode)
    (done,) = node.set_parameters([Parameter("faces.model", value="no/such.onnx")])
    assert done.successful
    assert rig.talk_until(lambda: rig.seen.said("visual_detector", "the detector stays as it was"))
    rig.seen.clear()
    rig.talk(1.0)
    assert rig.seen.words["visual_detector"] and all("no/such.onnx" in w for w in rig.seen.words["visual_detector"])
    node.set_parameters([Parameter("faces.model", value="")])
    assert rig.talk_until(lambda: "no/such.onnx" not in rig.seen.words["visual_detector"][-1])


def test_a_latched_array_that_came_before_the_activation_holds(rig):
    """A life cycle manager takes its time between the two; who publishes an array does it once."""
    (node,) = rig.add(AudioTrackerNode, parameters={"audio_tracker": {"autostart": False}}, waits=False)
    rig.tell_array()
    assert node.trigger_configure().name == "SUCCESS"
    time.sleep(1.0)  # it has been delivered by now
    assert node.trigger_activate().name == "SUCCESS"
    assert rig.talk_until(lambda: rig.seen.said("audio_tracker", "running")), rig.seen.words["audio_tracker"][-1]
    assert not rig.seen.said("audio_tracker", "no microphone array")
    assert node.trigger_deactivate().name == "SUCCESS"
    turned = MicrophoneArray(node._array.positions_m[::-1].copy(), name="turned")
    rig.tell_array(turned)  # another one, while the node rests
    time.sleep(0.5)
    assert node.trigger_activate().name == "SUCCESS"
    assert (node._array.positions_m == turned.positions_m).all()


def test_a_setting_whose_taking_over_fails_is_refused_and_ends_nothing(rig, monkeypatch, capfd):
    """By the service, as `ros2 param set` asks: what is raised there reaches the executor, and ended the process."""
    (node,) = rig.add(AttentionNode)
    monkeypatch.setattr(node, "reconfigure", lambda config: config.no_such_thing)
    client = rig.node.create_client(SetParameters, "attention/set_parameters")
    assert client.wait_for_service(5)
    asked = client.call_async(SetParameters.Request(parameters=[Parameter("hold_s", value=1.0).to_parameter_msg()]))
    assert rig.wait(asked.done)
    (result,) = asked.result().results
    assert not result.successful and "internal failure: AttributeError" in result.reason
    assert node.config.hold_s == node.get_parameter("hold_s").value == AttentionConfig().hold_s
    assert "Traceback" in "".join(capfd.readouterr())
    rig.seen.clear()
    assert rig.wait(lambda: bool(rig.seen.words["attention"]))  # it lives


@pytest.mark.parametrize("hook", ["stop", "release"])
def test_an_end_that_fails_is_told_and_leaves_a_node_that_can_begin_anew(rig, monkeypatch, hook):
    (node,) = rig.add(AttentionNode)
    monkeypatch.setattr(node, hook, lambda: 1 / 0)
    assert node.trigger_deactivate().name == node.trigger_cleanup().name == "SUCCESS"
    assert not node._outputs and rig.wait(lambda: rig.seen.said("attention", "internal failure in"))
    assert node.trigger_configure().name == node.trigger_activate().name == "SUCCESS"
    bearings = [info for info in rig.node.get_publishers_info_by_topic("/active_speaker_bearing")]
    assert len(bearings) == 1


def test_a_player_that_was_stopped_gives_a_clock_again_and_its_end_is_no_error(rig, tmp_path):
    write_scene(tmp_path / "scene", audio=np.zeros((8000, 2)), sample_rate_hz=16000)
    clocks: list[Clock] = []
    rig.node.create_subscription(Clock, "/clock", clocks.append, image_quality("best_effort", 50))
    settings = {"path": str(tmp_path / "scene"), "publish_clock": True, "start_after_s": 0.3}
    (player,) = rig.add(PlayerNode, parameters={"player": settings})
    assert rig.wait(lambda: len(clocks) >= 20)
    assert rig.wait(lambda: rig.seen.words["player"][-1].startswith("idle: the source has ended"), 8)
    time.sleep(1.5)
    assert not rig.seen.said("player", "no output")
    clocks.clear()
    assert player.trigger_deactivate().name == player.trigger_activate().name == "SUCCESS"
    assert rig.wait(lambda: len(clocks) >= 20), "no /clock after it was stopped and started"


def test_a_setting_that_can_be_changed_holds_from_then_on(rig):
    """jump_back_s held for streams only that had not come yet; array_frame never did, and now says so."""
    (node,) = rig.add(AttentionNode)
    message = SpeakerArray()

    def judged(stamp_s):
        message.header.stamp.sec = stamp_s
        return node.is_in_order("speakers", message)

    assert judged(100) and judged(99)  # a second back is a jump of time
    (done,) = node.set_parameters([Parameter("jump_back_s", value=5.0)])
    assert done.successful and judged(200) and not judged(199) and judged(190)
    (tracker,) = rig.add(SpeakerTrackerNode)
    (refused,) = tracker.set_parameters([Parameter("array_frame", value="head")])
    assert not refused.successful and "read-only" in refused.reason


@pytest.mark.parametrize(
    ("node_class", "opened"),
    [(AudioCaptureNode, "live:audio=,camera=none"), (CameraCaptureNode, "live:audio=none,camera=0")],
)
def test_one_parameter_file_for_a_whole_robot_does_not_send_the_captures_to_a_device_called_auto(
    rig, monkeypatch, node_class, opened
):
    asked = []

    def open_source(name, **_geometry):
        asked.append(name)
        raise InputError("enough")

    monkeypatch.setattr(sys.modules[node_class.__module__], "open_source", open_source)
    parameters = load_parameters(shipped_folder() / "config" / "localize.yaml", node_class.NAME)
    rig.add(node_class, parameters={node_class.NAME: parameters}, waits=False)
    assert rig.wait(lambda: bool(asked)) and asked == [opened]
