"""The demo of who speaks, and where: two talkers through the whole pipeline."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from rich.progress import Progress
from rich.table import Table

from avloc_ros.cli.console import error_console
from avloc_ros.cli.demos.kind import Demo, Played
from avloc_ros.cli.demos.playing import NAMESPACE
from avloc_ros.cli.speaker_table import speaker_table
from avloc_ros.nodes.watching.speaker_monitor import SpeakerMonitor
from avloc_ros.sources.scene import Scene

RECORDED = (
    "speakers", "speaker_grid", "audio_grid", "audio_sphere", "visual_grid", "faces", "markers", "overlay/compressed", "image",
    "audio", "camera_info", "microphone_array", "active_speaker_pose", "active_speaker_bearing",
)  # fmt: skip
FILES = {
    "annotated.mp4": "the overlay, with sound",
    "bag": "all topics (mcap; pictures as JPEG): `avloc replay bag`, `ros2 bag play bag`",
    "azimuth.png": "the plot above",
    "numbers.json": "the numbers above, and the messages per topic",
    "nodes.log": "what the nodes said",
    "player.log": "what the player said",
}


def built_demo_scene() -> Path:
    """The folder of the two-talker scene, built on first use from voices and faces in PyPI packages."""
    from avloc_ros.simulation.demo_scene import demo_scene

    with Progress(console=error_console, transient=True) as progress:
        task = progress.add_task("the demo scene", total=1.0)

        def report(what: str, share: float) -> None:
            progress.update(task, completed=share, description=f"building the demo scene (once): {what}")

        return demo_scene(progress=report).folder


def table(monitor: SpeakerMonitor) -> Table:
    """The speakers of this moment."""
    return speaker_table(monitor.current, monitor.latencies_ms, len(monitor.stamps_ns))


def write(scene: Scene, out: Path, played: Played) -> Path:
    """Video, plot, numbers and page in `out`. Returns the page's path."""
    from avloc_ros.evaluation.metrics_file import machine
    from avloc_ros.evaluation.pages.demo_report import plot_azimuths, summary, tracks_by_name, write_page

    truth = tracks_by_name(
        [(row.speaker, row.time_s, math.degrees(row.azimuth_rad), row.speaking) for row in scene.truth]
    )
    reported = tracks_by_name(
        [(row.id, (row.stamp_ns - played.start_ns) / 1e9, row.azimuth_deg, row.is_speaking) for row in played.monitor.history]
    )
    latencies_ms = played.monitor.latencies_ms
    numbers = summary(reported, truth, latencies_ms) | {
        "scene": scene.json.get("description", f"Scene {scene.name}"),
        "messages": played.counts,
        "cpu_percent": played.cpu_percent,
        "command": " ".join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
    }
    plot_azimuths(reported, truth, out / "azimuth.png")
    with error_console.status("writing the annotated video ..."):
        video = write_annotated_video(scene, out, played.start_ns)
    (out / "numbers.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return write_page(out, numbers, video, "azimuth.png", FILES)


def write_annotated_video(scene: Scene, out: Path, start_ns: int) -> str | None:
    """annotated.mp4 from the overlay pictures in the bag and the scene's sound; None where no picture was drawn."""
    from avloc_ros.evaluation.pages.annotated_video import write_video
    from avloc_ros.sources.bags.bag import read_pictures

    pictures = (
        ((frame.stamp_ns - start_ns) / 1e9, frame.image)
        for frame in read_pictures(out / "bag", f"{NAMESPACE}/overlay/compressed")
        if frame.stamp_ns >= start_ns
    )
    sound = scene.read_audio()[:, 0] if scene.audio_path else None
    return "annotated.mp4" if write_video(out / "annotated.mp4", pictures, sound, scene.sample_rate_hz) else None


DEMO = Demo("speakers", RECORDED, (), built_demo_scene, SpeakerMonitor, table, write)
