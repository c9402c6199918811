"""Runs the nodes of the pipeline in this process with a live table: what `avloc live` and `avloc replay` share."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.live import Live

from avloc_ros.cli.console import console
from avloc_ros.cli.pipeline_options import NODES, SOURCES
from avloc_ros.cli.speaker_table import speaker_table
from avloc_ros.nodes.compose import run_in_one_process
from avloc_ros.nodes.speaker_monitor import SpeakerMonitor

REFRESH_S = 0.2


def run_nodes(options: argparse.Namespace, names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]]) -> int:
    """Run the named nodes until Ctrl-C or until a source is at its end. Returns the exit status."""
    classes = [node_class(name) for name in names]
    monitors: list[SpeakerMonitor] = []

    def watch(nodes: list[Any], _executor: Any) -> None:
        if "speaker_tracker" in names:
            monitors.append(SpeakerMonitor(nodes[list(names).index("speaker_tracker")], keep_all=False))

    with live_table(enabled=not options.no_table and "speaker_tracker" in names) as live:
        last_s = 0.0

        def refresh() -> bool:
            nonlocal last_s
            if live is not None and monitors and time.monotonic() - last_s > REFRESH_S:
                last_s = time.monotonic()
                monitor = monitors[0]
                live.update(speaker_table(monitor.current, monitor.latencies_ms, monitor.frames))
            return False

        return run_in_one_process(classes, parameters, options.namespace or None, on_ready=watch, until=refresh)


@contextlib.contextmanager
def live_table(enabled: bool) -> Iterator[Live | None]:
    """A table on the terminal that refreshes in place, or None."""
    if not enabled:
        yield None
        return
    with Live(console=console, auto_refresh=True, refresh_per_second=5) as live:
        yield live


def node_class(name: str) -> type[Any]:
    """The class of a node by its name; imported here, so that an unused capture library is not needed."""
    class_name = {**NODES, **SOURCES}[name]
    found: type[Any] = getattr(importlib.import_module(f"avloc_ros.nodes.{name}"), class_name)
    return found
