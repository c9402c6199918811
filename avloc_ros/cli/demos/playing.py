"""Plays the scene of a demo in real time: nodes and player in processes of their own, recorder and table here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from rich.live import Live

from avloc_ros.cli.children import avloc_child, cpu_s, expect_running, expect_success
from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.demos.kind import Demo, Played
from avloc_ros.nodes.watching.listener import Listener
from avloc_ros.sources.scene import Scene

NAMESPACE = "/demo"
START_PATIENCE_S = 40.0
MATCH_TIME_S = 2.5  # the player, which takes seconds to start, waits so long for the others to find its topics
AFTER_END_S = 0.7  # the last frames are still on their way when the player has ended
GLOBAL_TOPICS = ("/tf", "/tf_static", "/diagnostics")


def play(demo: Demo, scene: Scene, out: Path, device: str, parameters: Sequence[str] = ()) -> Played:
    """Play the scene through the demo's nodes; logs and bag go to `out`. parameters: NODE.NAME:=VALUE each."""
    nodes_log, player_log = out / "nodes.log", out / "player.log"
    live_arguments = ["live", "--namespace", NAMESPACE, "--no-table", "--device", device, *demo.live]
    live_arguments += [word for text in parameters for word in ("-p", text)]
    play_arguments = ["replay", str(scene.folder), "--player-only", "--namespace", NAMESPACE, "--start-after", str(MATCH_TIME_S)]
    listening = Listener(NAMESPACE, out / "bag", demo.recorded, GLOBAL_TOPICS, monitor=demo.monitor)
    with listening as listener, avloc_child(live_arguments, nodes_log) as live:
        with error_console.status("starting the nodes ..."):
            listener.wait_for_publisher(demo.topic, START_PATIENCE_S, lambda: expect_running(live, "live", nodes_log))
        with avloc_child(play_arguments, player_log) as player:
            too_late = after(scene.duration_s + START_PATIENCE_S)
            show_until(lambda: bool(listener.start_ns) or player.poll() is not None or too_late(), listener, demo)
            process, began_s = psutil.Process(live.pid), time.monotonic()
            used_s = cpu_s(process)
            show_until(lambda: player.poll() is not None or too_late(), listener, demo)
            used_s, took_s = cpu_s(process) - used_s, time.monotonic() - began_s
            expect_success(player, "replay", player_log)
        expect_running(live, "live", nodes_log)
        show_until(after(AFTER_END_S), listener, demo)
        return Played(listener.monitor, listener.finish(), listener.start_ns, 100 * used_s / max(took_s, 1e-9))


def after(seconds: float) -> Callable[[], bool]:
    """A condition that becomes true so many seconds from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def show_until(is_over: Callable[[], bool], listener: Listener, demo: Demo) -> None:
    """Listen, and show the table five times a second, until the condition holds."""
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not is_over():
            listener.spin_for(0.2)
            live.update(demo.table(listener.monitor), refresh=True)
