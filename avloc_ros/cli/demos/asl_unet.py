"""The demo of a pair of glasses: who speaks in their picture, and whether their wearer does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from rich.table import Table

from avloc_ros.cli.console import error_console
from avloc_ros.cli.demos.dsw import FILES as DSW_FILES, RECORDED as DSW_RECORDED, write_annotated_video
from avloc_ros.cli.demos.kind import Demo, Played
from avloc_ros.nodes.watching.active_speaker_monitor import ActiveSpeakerMonitor
from avloc_ros.sources.scene import Scene

RECORDED = (*DSW_RECORDED, "wearer_activity", "speaker_mask")
FILES = {("activity.png" if name == "azimuth.png" else name): meaning for name, meaning in DSW_FILES.items()}


def built_scene() -> Path:
    """The folder of the scene, built on first use from voices and faces in PyPI packages."""
    from avloc_ros.simulation.glasses.demo import egocentric_demo_scene

    with error_console.status("building the demo scene of glasses (once) ..."):
        return egocentric_demo_scene().folder


def table(monitor: ActiveSpeakerMonitor) -> Table:
    """The wearer and the mask of this moment."""
    shown = Table("wearer speaks", "probability", "speakers' pixels", "latency since capture", "moments")
    if monitor.history:
        last = monitor.history[-1]
        shown.add_row(
            "yes" if last.speaking else "no", f"{last.probability:.2f}", f"{100 * monitor.marked_share:.2f} %",
            f"{np.median([row.latency_ms for row in monitor.history[-40:]]):.0f} ms", str(len(monitor.history)),
        )  # fmt: skip
    return shown


def write(scene: Scene, out: Path, played: Played) -> Path:
    """Video, plot, numbers and page in `out`. Returns the page's path."""
    from avloc_ros.evaluation.metrics_file import machine
    from avloc_ros.evaluation.pages.active_speaker_report import (
        HeardWearer,
        active_speaker_numbers,
        plot_wearer,
        write_active_speaker_page,
    )
    from avloc_ros.simulation.glasses.scene import read_masks
    from avloc_ros.sources.person_boxes import WEARER

    def frame_of(stamp_ns: int) -> int:
        return round((stamp_ns - played.start_ns) / 1e9 * scene.fps)

    true_masks = read_masks(scene)
    true_wearer = np.zeros(len(true_masks), bool)
    for row in scene.truth:
        if row.speaker == WEARER and row.frame < len(true_wearer):
            true_wearer[row.frame] = row.speaking
    heard = [HeardWearer(frame_of(r.stamp_ns), r.speaking, r.probability, r.latency_ms) for r in played.monitor.history]
    masks = {frame_of(stamp_ns): mask for stamp_ns, mask in played.monitor.masks.items()}
    numbers = active_speaker_numbers(heard, masks, true_wearer, true_masks) | {
        "scene": scene.json.get("description", f"Scene {scene.name}"),
        "messages": played.counts,
        "cpu_percent": played.cpu_percent,
        "command": " ".join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
    }
    plot_wearer(heard, masks, true_wearer, true_masks, scene.fps, out / "activity.png")
    with error_console.status("writing the annotated video ..."):
        video = write_annotated_video(scene, out, played.start_ns)
    (out / "numbers.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return write_active_speaker_page(out, numbers, video, "activity.png", FILES)


DEMO = Demo(
    "wearer_activity", RECORDED, ("--system", "asl_unet"), built_scene, ActiveSpeakerMonitor, table, write
)
