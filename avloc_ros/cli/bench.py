"""`avloc bench`: what everything costs on this machine, from one matrix product to the whole system over DDS."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.output_folder import check_writable
from avloc_ros.types import InputError

PARTS = ("stages", "growth", "rooms", "sound_events", "transport", "live")
EVENT_CALLS = 20  # of a chunk, which costs as much as many frames
PEER_FRAMES = 100


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
    report: dict[str, Any] = {"command": " ".join(["avloc", *sys.argv[1:]]), "machine": machine(), "device": options.device}
    with error_console.status("measuring ...") as status:

        def progress(name: str) -> None:
            status.update(f"measuring {name} ...")

        if "stages" in options.parts:
            report |= measure_stages(options, progress)
        if "growth" in options.parts:
            from avloc_ros.bench.stage_costs import growth

            report["scaling"] = [asdict(item) for item in growth(max(options.frames // 2, 10), options.device, progress)]
        if "rooms" in options.parts:
            report["rooms"] = measure_rooms(options, progress)
        if "sound_events" in options.parts:
            report["sound_events"] = measure_events(options, progress)
        if "transport" in options.parts:
            report["transport_ms"] = measure_transport(progress)
        if "live" in options.parts:
            from avloc_ros.cli.live_bench import measure_live

            progress(f"the live system for {options.seconds:.0f} s")
            report |= measure_live(options.scene, options.seconds, options.out, options.device, options.param)
        if options.against:
            from avloc_ros.bench.against_pyroomacoustics import compare

            progress(options.against)
            report["against"] = compare(progress, PEER_FRAMES)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_report(report)
    console.print(f"written to {options.out / 'bench.json'}")
    return 0


def measure_stages(options: argparse.Namespace, progress: Any) -> dict[str, Any]:
    """The stages' costs, one entry a stage."""
    from avloc_ros.bench.stage_costs import stage_costs

    costs = stage_costs(options.frames, options.device, progress)
    return {"stages": {name: asdict(cost) for name, cost in costs.items()}}


def measure_rooms(options: argparse.Namespace, progress: Any) -> dict[str, Any]:
    """Milliseconds for one frame of many rooms at once, and how many this device serves at 25 fps."""
    from avloc_ros.bench.rooms_at_once import rooms_at_once

    costs = rooms_at_once(options.device, progress=progress)
    rooms = {"rooms_at_25_fps": costs.by_networks, "rooms_per_core_at_25_fps": costs.by_core}
    return {"per_frame": [asdict(cost) for cost in costs.per_frame], "cpu_ms_per_room": costs.cpu_ms, **rooms}


def measure_events(options: argparse.Namespace, progress: Any) -> list[dict[str, Any]]:
    """Cost of one chunk of the sound event networks; none without torch, which is told."""
    from avloc_ros.bench.event_costs import event_costs
    from avloc_ros.types import InputError

    try:
        costs = event_costs(min(EVENT_CALLS, options.frames), options.device, progress)
    except InputError as error:
        error_console.print(f"sound_events: {error}")
        return []
    return [asdict(cost) for cost in costs]


def measure_transport(progress: Any, count: int = 100) -> dict[str, Any]:
    """DDS cost per message of each kind, in one process and in two, and how many were lost."""
    import numpy as np

    from avloc_ros.nodes.base.dds import use_shared_memory_profile
    from avloc_ros.nodes.watching.transport_probe import KINDS, transport_ms

    use_shared_memory_profile()
    found: dict[str, Any] = {}
    for kind in KINDS:
        for processes in (1, 2):
            progress(f"{kind} in {processes} process(es)")
            times_ms, sent = transport_ms(kind, count, processes == 2)
            median, p95 = np.percentile(times_ms, [50, 95]) if times_ms else (float("nan"), float("nan"))
            found[f"{kind}/{processes}"] = {
                "median_ms": float(median), "p95_ms": float(p95), "sent": sent, "lost": sent - len(times_ms)
            }  # fmt: skip
    return found


def print_report(report: dict[str, Any]) -> None:
    """The report as tables."""
    for title, key in (("cost per frame", "stages"), ("DDS, per message / processes", "transport_ms")):
        if key in report:
            table = Table("", "median [ms]", "p95 [ms]", "lost", title=title)
            for name, cost in report[key].items():
                table.add_row(name, f"{cost['median_ms']:.2f}", f"{cost['p95_ms']:.2f}", str(cost.get("lost", "")))
            console.print(table)
    if "scaling" in report:
        table = Table("what grows", "n", "median [ms]", title="growth")
        for item in report["scaling"]:
            table.add_row(item["what"], str(item["n"]), f"{item['ms']:.2f}")
        console.print(table)
    if "rooms" in report:
        table = Table("rooms", "ear and fusion [ms]", "faces [ms]", title="one frame of many rooms, networks batched")
        for item in report["rooms"]["per_frame"]:
            table.add_row(str(item["rooms"]), f"{item['networks_ms']:.2f}", f"{item['faces_ms']:.2f}")
        console.print(table)
        rooms = report["rooms"]
        console.print(
            f"at 25 fps the networks of {rooms['rooms_at_25_fps']} rooms fit on this device ({report['device']}); "
            f"the rest takes {rooms['cpu_ms_per_room']:.1f} ms of one core for each: "
            f"{rooms['rooms_per_core_at_25_fps']} rooms a core"
        )
    if report.get("sound_events"):
        table = Table("recipe", "chunk [s]", "streams", "features [ms]", "onnxruntime [ms]", "torch [ms]", title="sound events")
        table.columns[0].no_wrap = True
        for item in report["sound_events"]:
            times = (f"{item[name]:.1f}" for name in ("features_ms", "onnxruntime_ms", "torch_ms"))
            table.add_row(item["recipe"], f"{item['chunk_s']:g}", str(item["streams"]), *times)
        console.print(table)
    if "against" in report:
        table = Table("peer, window", "its median [ms]", "ours [ms]", "ratio", "its error", "our error", title="peers")
        for name, item in report["against"].items():
            table.add_row(
                name, f"{item['median_ms']:.2f}", f"{item['our_median_ms']:.3f}", f"{item['ratio']:.0f}",
                f"{item['error_deg']:.2f}°", f"{item['our_error_deg']:.2f}°",
            )  # fmt: skip
        console.print(table)
    if "end_to_end_ms" in report:
        end = report["end_to_end_ms"]
        console.print(
            f"live: end of the audio window to SpeakerArray {end['p50']:.0f} / {end['p95']:.0f} / {end['p99']:.0f} ms "
            f"(p50 / p95 / p99), {report['frames_in']} frames in, {report['frames_dropped']} dropped, "
            f"{report['cpu_percent']:.0f} % of one core, {report['rss_mb']:.0f} MB"
        )
