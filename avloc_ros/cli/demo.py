"""`avloc demo`: a scene played in real time through the real nodes over DDS, and a folder that shows what came out."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress import Progress

from avloc_ros.cli.children import avloc_child, expect_running, expect_success
from avloc_ros.cli.console import console, error_console
from avloc_ros.types import InputError

if TYPE_CHECKING:  # rclpy and the media libraries are imported when the demo runs, not for `avloc --help`
    from avloc_ros.nodes.listener import Listener
    from avloc_ros.nodes.speaker_monitor import SpeakerMonitor
    from avloc_ros.sources.scene import Scene

NAMESPACE = "/demo"
START_PATIENCE_S = 40.0
MATCH_TIME_S = 2.0  # the player waits so long for the others to find its topics
AFTER_END_S = 0.7  # the last frames are still on their way when the player has ended
RECORDED = (
    "speakers", "speaker_grid", "audio_grid", "audio_sphere", "visual_grid", "faces", "markers", "overlay/compressed", "image",
    "audio", "camera_info", "microphone_array", "active_speaker_pose", "active_speaker_bearing",
)  # fmt: skip
GLOBAL_TOPICS = ("/tf", "/tf_static", "/diagnostics")
FILES = {
    "annotated.mp4": "the overlay, with sound",
    "bag": "all topics (mcap; pictures as JPEG): `avloc replay bag`, `ros2 bag play bag`",
    "azimuth.png": "the plot above",
    "numbers.json": "the numbers above, and the messages per topic",
    "nodes.log": "what the nodes said",
    "player.log": "what the player said",
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc demo`."""
    parser = subparsers.add_parser("demo", help="two talkers through the whole pipeline; ends in a page")
    parser.add_argument("--scene", type=Path, help="a scene folder of your own; default: built on first run")
    parser.add_argument("--out", type=Path, help="new folder for what comes out; default: ./avloc_demo_<time>")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class Played:
    """What was received while the scene played: speakers, messages per topic, and the stamp of the scene's t = 0."""

    monitor: SpeakerMonitor
    counts: dict[str, int]
    start_ns: int


def run(options: argparse.Namespace) -> int:
    """Build the scene if needed, play it, write the folder, and name it."""
    out = (options.out or Path(time.strftime("avloc_demo_%Y%m%d_%H%M%S"))).resolve()
    if out.exists():
        raise InputError(f"{out} exists: name a new folder with --out")
    scene_folder = options.scene or built_demo_scene()
    from avloc_ros.sources.scene import load_scene

    scene = load_scene(scene_folder)
    out.mkdir(parents=True)
    played = play(scene, out, options.device)
    if not played.monitor.history:
        raise InputError(f"no speaker was reported; see {out / 'nodes.log'} and {out / 'player.log'}")
    page = write_results(scene, out, played)
    console.print(f"\nDone. Open [bold]{page}[/]")
    return 0


def built_demo_scene() -> Path:
    """The folder of the two-talker scene, built on first use from voices and faces in PyPI packages."""
    from avloc_ros.simulation.demo_scene import demo_scene

    with Progress(console=error_console, transient=True) as progress:
        task = progress.add_task("the demo scene", total=1.0)

        def report(what: str, share: float) -> None:
            progress.update(task, completed=share, description=f"building the demo scene (once): {what}")

        return demo_scene(progress=report).folder


def play(scene: Scene, out: Path, device: str) -> Played:
    """Nodes in one process, the player in another, and here, in a third, recorder and table."""
    from avloc_ros.nodes.listener import Listener

    nodes_log, player_log = out / "nodes.log", out / "player.log"
    live_arguments = ["live", "--namespace", NAMESPACE, "--no-table", "--device", device]
    play_arguments = ["replay", str(scene.folder), "--player-only", "--namespace", NAMESPACE, "--start-after", str(MATCH_TIME_S)]
    with Listener(NAMESPACE, out / "bag", RECORDED, GLOBAL_TOPICS) as listener, avloc_child(live_arguments, nodes_log) as live:
        with error_console.status("starting the nodes ..."):
            listener.wait_for_publisher("speakers", START_PATIENCE_S, lambda: expect_running(live, "live", nodes_log))
        with avloc_child(play_arguments, player_log) as player:
            too_late = after(scene.duration_s + START_PATIENCE_S)
            show_until(lambda: player.poll() is not None or too_late(), listener)
            expect_success(player, "replay", player_log)
        expect_running(live, "live", nodes_log)
        show_until(after(AFTER_END_S), listener)
        return Played(listener.monitor, listener.finish(), listener.start_ns)


def after(seconds: float) -> Callable[[], bool]:
    """A condition that becomes true so many seconds from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def show_until(is_over: Callable[[], bool], listener: Listener) -> None:
    """Listen, and show the table five times a second, until the condition holds."""
    from avloc_ros.cli.speaker_table import speaker_table

    monitor = listener.monitor
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not is_over():
            listener.spin_for(0.2)
            live.update(speaker_table(monitor.current, monitor.latencies_ms, len(monitor.stamps_ns)), refresh=True)


def write_results(scene: Scene, out: Path, played: Played) -> Path:
    """Video, plot, numbers and page in `out`. Returns the page's path."""
    from avloc_ros.evaluation.demo_report import plot_azimuths, summary, tracks_by_name, write_page
    from avloc_ros.evaluation.metrics_file import machine

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
    from avloc_ros.evaluation.annotated_video import write_video
    from avloc_ros.sources.bag import read_pictures

    pictures = (
        ((frame.stamp_ns - start_ns) / 1e9, frame.image)
        for frame in read_pictures(out / "bag", f"{NAMESPACE}/overlay/compressed")
        if frame.stamp_ns >= start_ns
    )
    sound = scene.read_audio()[:, 0] if scene.audio_path else None
    return "annotated.mp4" if write_video(out / "annotated.mp4", pictures, sound, scene.sample_rate_hz) else None
