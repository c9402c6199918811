"""What listens for others to look at later: the recorder on a foreign robot, and the monitor that runs for days."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import Image

from avloc_ros.msg import Speaker, SpeakerArray
from avloc_ros.nodes.messages.quality_of_service import result_quality
from avloc_ros.nodes.recorder import RecordedTopic, Recorder
from avloc_ros.nodes.watching.speaker_monitor import RECENT, SpeakerMonitor


def test_topics_that_cannot_be_recorded_are_left_out_and_the_rest_is_written(rig, tmp_path):
    recorder = Recorder(rig.node, tmp_path / "bag")
    depths = rig.node.create_publisher(Image, "depths", 5)
    spoken = rig.node.create_publisher(SpeakerArray, "spoken", result_quality())
    unknown = (
        RecordedTopic("/odd", "package_of_nobody/msg/Odd"),
        RecordedTopic("/old", "std_msgs/msg/NoSuchMessage"),
    )
    for topic in (
        *unknown,
        RecordedTopic("/depths", "sensor_msgs/msg/Image"),
        RecordedTopic("/spoken", "avloc_ros/msg/SpeakerArray"),
    ):
        recorder.add(topic)
        recorder.add(topic)
    picture = Image(width=2, height=1, step=4, encoding="16UC1", data=bytes(4))

    def is_written() -> bool:
        depths.publish(picture)
        spoken.publish(SpeakerArray())
        return recorder.counts["/spoken"] > 2 and "/depths" in recorder.left_out

    assert rig.wait(is_written)
    assert recorder.close()["/spoken"] > 2
    assert (
        recorder.left_out.keys() >= {"/odd", "/old"}
        and "package_of_nobody is not installed" in recorder.left_out["/odd"]
    )


@pytest.mark.parametrize("keeps_all", [True, False])
def test_a_monitor_remembers_all_or_only_what_a_table_shows(rig, keeps_all):
    monitor = SpeakerMonitor(rig.node, "nobody_sends", keep_all=keeps_all)
    for _ in range(3 * RECENT):
        speaker = Speaker(id="s1")
        speaker.direction.x = 1.0
        monitor._on_speakers(SpeakerArray(speakers=[speaker]))
    kept = 3 * RECENT if keeps_all else 0
    assert monitor.frames == 3 * RECENT and len(monitor.current) == 1
    assert (len(monitor.history), len(monitor.stamps_ns)) == (kept, kept)
    assert len(monitor.latencies_ms) == (3 * RECENT if keeps_all else RECENT) and np.all(
        np.isfinite(monitor.latencies_ms)
    )
