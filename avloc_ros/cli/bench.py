"""`avloc bench`: what everything costs on this machine, from one matrix product to the whole system over DDS."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from avloc_ros.cli.bench_tables import print_report
from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.output_folder import check_writable
from avloc_ros.types import InputError

PARTS = ("stages", "growth", "rooms", "sound_events", "transport", "live")
EVENT_CALLS = 20  # of a chunk, which costs as much as many frames
PEER_FRAMES = 100
MESSAGES = 100  # of each kind through DDS
Progress = Callable[[str], None]  # told what is being measured
Measure = Callable[[argparse.Namespace, Progress], dict[str, Any]]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc bench`."""
    parser = subparsers.add_parser("bench", help="measure what the pipeline costs on this machine")
    parser.add_argument("--out", type=Path, required=True, help="folder for bench.json")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--frames", type=int, default=200, help="calls per measurement of a stage")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the live run")
    parser.add_argument("--scene", type=Path, help="scene of the live run; default: the demo's")
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NODE.NAME:=VALUE", help="of the live run; may be repeated"
    )
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS), help="what to measure; none: only peers")
    parser.add_argument("--against", choices=("pyroomacoustics",), help="run this peer on the same frames")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure the parts asked for, print tables, write bench.json."""
    from avloc_ros.evaluation.metrics_file import machine
    from avloc_ros.runtime.engines import require_device

    check_writable(options.out)
    for name in ("frames", "seconds"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}, need at least 1")
    require_device(options.device)
    report: dict[str, Any] = {"command": shlex.join(["avloc", *sys.argv[1:]]), "machine": machine(), "device": options.device}
    with error_console.status("measuring ...") as status:
        for measure in measurements(options):
            report |= measure(options, lambda name: status.update(f"measuring {name} ..."))
            write_report(options.out, report)  # after each part: what is measured outlives a Ctrl-C
    write_report(options.out, report)
    print_report(report)
    console.print(f"written to {options.out / 'bench.json'}")
    return 0


def measurements(options: argparse.Namespace) -> list[Measure]:
    """What is asked for, in the order of PARTS; each gives its part of the report."""
    return [MEASURES[part] for part in PARTS if part in options.parts] + ([measure_peer] if options.against else [])


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write bench.json, anew each time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure_stages(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """The stages' costs, one entry a stage."""
    from avloc_ros.bench.stage_costs import stage_costs

    costs = stage_costs(options.frames, options.device, progress)
    return {"stages": {name: asdict(cost) for name, cost in costs.items()}}


def measure_growth(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Cost of the ear against microphones, grid and streams."""
    from avloc_ros.bench.stage_costs import growth

    return {"scaling": [asdict(item) for item in growth(max(options.frames // 2, 10), options.device, progress)]}


def measure_rooms(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Milliseconds for one frame of many rooms at once, and how many this device serves at 25 fps."""
    from avloc_ros.bench.rooms_at_once import rooms_at_once

    costs = rooms_at_once(options.device, progress=progress)
    rooms = {"rooms_at_25_fps": costs.by_networks, "rooms_per_core_at_25_fps": costs.by_core}
    return {"rooms": {"per_frame": [asdict(cost) for cost in costs.per_frame], "cpu_ms_per_room": costs.cpu_ms, **rooms}}


def measure_events(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Cost of one chunk of the sound event networks; none without torch, which is told."""
    from avloc_ros.bench.event_costs import event_costs

    try:
        costs = event_costs(min(EVENT_CALLS, options.frames), options.device, progress)
    except InputError as error:
        error_console.print(f"sound_events: {error}")
        return {"sound_events": []}
    return {"sound_events": [asdict(cost) for cost in costs]}


def measure_transport(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """DDS cost per message of each kind, in one process and in two, and how many were lost."""
    import numpy as np

    from avloc_ros.nodes.base.dds import use_shared_memory_profile
    from avloc_ros.nodes.watching.transport_probe import KINDS, transport_ms

    use_shared_memory_profile()
    found: dict[str, Any] = {}
    for kind in KINDS:
        for processes in (1, 2):
            progress(f"{kind} in {processes} process(es)")
            times_ms, sent = transport_ms(kind, MESSAGES, processes == 2)
            median, p95 = np.percentile(times_ms, [50, 95]) if times_ms else (float("nan"), float("nan"))
            found[f"{kind}/{processes}"] = {
                "median_ms": float(median), "p95_ms": float(p95), "sent": sent, "lost": sent - len(times_ms)
            }  # fmt: skip
    return {"transport_ms": found}


def measure_live(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Latency, load and memory of the whole system in processes of its own."""
    from avloc_ros.cli.live_bench import run_live

    progress(f"the live system for {options.seconds:.0f} s")
    return run_live(options.scene, options.seconds, options.out, options.device, options.param)


def measure_peer(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """A peer on the same frames as ours."""
    from avloc_ros.bench.against_pyroomacoustics import compare

    progress(options.against)
    return {"against": compare(progress, PEER_FRAMES)}


MEASURES: dict[str, Measure] = {
    "stages": measure_stages,
    "growth": measure_growth,
    "rooms": measure_rooms,
    "sound_events": measure_events,
    "transport": measure_transport,
    "live": measure_live,
}
