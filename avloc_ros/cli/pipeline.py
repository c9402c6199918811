"""Runs the nodes of the pipeline with a live table: what `avloc live` and `avloc replay` share."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.live import Live

from avloc_ros.cli.console import console
from avloc_ros.cli.node_processes import NodeProcesses, parted
from avloc_ros.cli.pipeline_options import node_class
from avloc_ros.cli.speaker_table import speaker_table
from avloc_ros.nodes.base.compose import run_in_one_process
from avloc_ros.nodes.watching.speaker_monitor import SpeakerMonitor

REFRESH_S = 0.2


def run_nodes(options: argparse.Namespace, names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]]) -> int:
    """Run the named nodes until Ctrl-C or until a source is at its end. Returns the exit status."""
    own, apart = parted(names, options.one_process)
    namespace = options.namespace or None
    monitors: list[SpeakerMonitor] = []

    def watch(nodes: list[Any], _executor: Any) -> None:
        if "speaker_tracker" in own:
            monitors.append(SpeakerMonitor(nodes[own.index("speaker_tracker")], keep_all=False))

    with (
        NodeProcesses(apart, parameters, namespace) as others,
        live_table(enabled=not options.no_table and "speaker_tracker" in own) as live,
    ):
        last_s = 0.0

        def is_over() -> bool:
            nonlocal last_s
            if time.monotonic() - last_s <= REFRESH_S:
                return False
            last_s = time.monotonic()
            if live is not None and monitors:
                monitor = monitors[0]
                live.update(speaker_table(monitor.current, monitor.latencies_ms, monitor.frames))
            return others.have_ended()

        classes = [node_class(name) for name in own]
        status = run_in_one_process(classes, parameters, namespace, on_ready=watch, until=is_over, needs_all=True)
    return status or others.status


@contextlib.contextmanager
def live_table(enabled: bool) -> Iterator[Live | None]:
    """A table on the terminal that refreshes in place, or None."""
    if not enabled:
        yield None
        return
    with Live(console=console, auto_refresh=True, refresh_per_second=5) as live:
        yield live
