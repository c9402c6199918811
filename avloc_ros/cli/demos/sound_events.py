"""What the demos of av_seld and coloc share: a room in which several things sound, what is told of them, and the page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from rich.table import Table

from avloc_ros.cli.console import error_console
from avloc_ros.cli.demos.kind import Demo, Played
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.evaluation.metrics_file import machine
from avloc_ros.evaluation.pages.event_demo_report import (
    ReportedEvent,
    event_summary,
    plot_events,
    true_events,
    write_event_page,
)
from avloc_ros.nodes.watching.event_monitor import EventMonitor
from avloc_ros.simulation.events.event_demo import event_demo_scene
from avloc_ros.sources.dcase_csv import TRUTH_NAME, read_events
from avloc_ros.sources.scene import Scene
from avloc_ros.types import EventState

RECORDED = ("sound_events", "sound_event_classes", "audio", "image", "camera_info", "microphone_array")
NS = 1e9


def event_demo(system: str, weights: str = "") -> Demo:
    """The demo of a backend of the node `sound_events`; weights: of which shipped network, empty: the default's."""
    arguments = ("--system", system, *(("-p", f"sound_events.system.network.weights:={weights}") if weights else ()))
    return Demo("sound_events", RECORDED, arguments, built_scene, EventMonitor, table, write)


def built_scene() -> Path:
    """The folder of the scene, built on first use."""
    with error_console.status("building the demo scene (once) ..."):
        return event_demo_scene().folder


def table(monitor: EventMonitor) -> Table:
    """The events of this moment."""
    latency = f"{np.median(monitor.latencies_ms[-100:]):.0f} ms" if monitor.latencies_ms else "-"
    shown = Table(title=f"sound events   {len(monitor.history)} frames   latency {latency}", title_justify="left")
    for name in ("id", "class", "azimuth", "elevation", "since", "score"):
        shown.add_column(name, justify="left" if name in ("id", "class") else "right", min_width=8)
    for event in monitor.current:
        if event.state != EventState.OFFSET:
            since = f"{(event.stamp_ns - event.onset_ns) / NS:.1f} s"
            angles = f"{event.azimuth_deg:+6.1f}°", f"{event.elevation_deg:+5.1f}°"
            shown.add_row(event.id, event.class_id, *angles, since, f"{event.score:.2f}")
    return shown


def write(scene: Scene, out: Path, played: Played) -> Path:
    """Plot, numbers and page in `out`. Returns the page's path."""
    reported = [
        ReportedEvent(
            row.id,
            row.class_id,
            (row.stamp_ns - played.start_ns) / NS,
            (row.arrived_ns - played.start_ns) / NS,
            (row.onset_ns - played.start_ns) / NS,
            row.azimuth_deg,
            row.elevation_deg,
        )
        for row in played.monitor.rows
    ]
    truth = true_events(read_events(scene.folder / TRUTH_NAME), STARSS_CLASSES)
    numbers = event_summary(reported, truth, played.monitor.latencies_ms) | {
        "scene": scene.json.get("description", f"Scene {scene.name}"),
        "messages": played.counts,
        "cpu_percent": played.cpu_percent,
        "command": " ".join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
    }
    plot_events(reported, truth, out / "events.png")
    (out / "numbers.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return write_event_page(out, numbers, "events.png")
