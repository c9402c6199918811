"""The live part of `avloc bench`: a scene played on a loop through the nodes, watched from outside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from avloc_ros.cli.children import avloc_child, cpu_s, expect_running, memory_mb

NAMESPACE = "/bench"
START_PATIENCE_S = 40.0
WARM_UP_S = 4.0
SAMPLE_S = 1.0
AFTER_END_S = 1.0  # the last frames are still on their way


def run_live(scene: Path | None, seconds: float, out: Path, device: str, parameters: Sequence[str] = ()) -> dict[str, Any]:
    """Latency, drops, processor and memory of the pipeline at the pace of the scene's camera.

    frames_in counts the camera frames that came while we watched; one without a SpeakerArray of its stamp is dropped.
    Latency runs from the end of the frame's audio window to the arrival of the SpeakerArray here. parameters: of the nodes, as
    `avloc live -p` takes them.
    """
    from avloc_ros.cli.demos.dsw import built_demo_scene
    from avloc_ros.nodes.watching.listener import Listener

    scene = scene or built_demo_scene()
    out.mkdir(parents=True, exist_ok=True)
    live_log, player_log = out / "nodes.log", out / "player.log"
    live_arguments = ["live", "--namespace", NAMESPACE, "--no-table", "--no-overlay", "--device", device]
    live_arguments += [word for parameter in parameters for word in ("-p", parameter)]
    play_arguments = ["replay", str(scene), "--player-only", "--namespace", NAMESPACE, "--loop"]
    with Listener(NAMESPACE) as listener, avloc_child(live_arguments, live_log) as live:
        for topic in ("speakers", "audio_sphere"):
            listener.wait_for_publisher(topic, START_PATIENCE_S, lambda: expect_running(live, "live", live_log))
        with avloc_child(play_arguments, player_log) as player:
            listener.wait_for_publisher("image", START_PATIENCE_S, lambda: expect_running(player, "replay", player_log))
            listener.spin_for(WARM_UP_S)
            first, first_frame = len(listener.monitor.stamps_ns), len(listener.frame_stamps_ns)
            usage = watch(listener, psutil.Process(live.pid), seconds)
            frames = listener.frame_stamps_ns[first_frame:]
            listener.spin_for(AFTER_END_S)
            expect_running(player, "replay", player_log)
            expect_running(live, "live", live_log)
        answered = set(listener.monitor.stamps_ns)
        latencies_ms = np.asarray(listener.monitor.latencies_ms[first:])
    p50, p95, p99 = np.percentile(latencies_ms, [50, 95, 99]) if len(latencies_ms) else [float("nan")] * 3
    return {
        "end_to_end_ms": {"p50": float(p50), "p95": float(p95), "p99": float(p99)},
        "frames_in": len(frames),
        "frames_dropped": sum(stamp not in answered for stamp in frames),
        **usage,
    }


def watch(listener: Any, process: psutil.Process, seconds: float) -> dict[str, Any]:
    """Processor share (percent of one core) and memory (MB, at the start and the end) of the pipeline while we listen."""
    start_s, start_cpu = time.monotonic(), cpu_s(process)
    memories_mb: list[float] = []
    while time.monotonic() - start_s < seconds:
        listener.spin_for(SAMPLE_S)
        memories_mb.append(memory_mb(process))
    share = 100 * (cpu_s(process) - start_cpu) / (time.monotonic() - start_s)
    return {"cpu_percent": share, "rss_mb": memories_mb[-1], "rss_mb_at_start": memories_mb[0], "rss_mb_over_time": memories_mb}
