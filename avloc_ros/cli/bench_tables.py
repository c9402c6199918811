"""The tables of `avloc bench` on the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from avloc_ros.cli.console import console


def print_report(report: dict[str, Any]) -> None:
    """The report as tables, for the parts that it has."""
    for key, show in (
        ("stages", lambda rows: print_costs("cost per frame", rows)),
        ("transport_ms", lambda rows: print_costs("DDS, per message / processes", rows)),
        ("scaling", print_growth),
        ("rooms", lambda rooms: print_rooms(rooms, report["device"])),
        ("sound_events", print_events),
        ("against", print_peer),
    ):
        if report.get(key):
            show(report[key])
    if "end_to_end_ms" in report:
        print_live(report)


def print_costs(title: str, costs: dict[str, Any]) -> None:
    """Milliseconds by name."""
    table = Table("", "median [ms]", "p95 [ms]", "lost", title=title)
    for name, cost in costs.items():
        table.add_row(name, f"{cost['median_ms']:.2f}", f"{cost['p95_ms']:.2f}", str(cost.get("lost", "")))
    console.print(table)


def print_growth(items: list[dict[str, Any]]) -> None:
    """Milliseconds against how many there are."""
    table = Table("what grows", "n", "median [ms]", title="growth")
    for item in items:
        table.add_row(item["what"], str(item["n"]), f"{item['ms']:.2f}")
    console.print(table)


def print_rooms(rooms: dict[str, Any], device: str) -> None:
    """One frame of many rooms, and how many a device serves."""
    table = Table("rooms", "ear and fusion [ms]", "faces [ms]", title="one frame of many rooms, networks batched")
    for item in rooms["per_frame"]:
        table.add_row(str(item["rooms"]), f"{item['networks_ms']:.2f}", f"{item['faces_ms']:.2f}")
    console.print(table)
    console.print(
        f"at 25 fps the networks of {rooms['rooms_at_25_fps']} rooms fit on this device ({device}); "
        f"the rest takes {rooms['cpu_ms_per_room']:.1f} ms of one core for each: "
        f"{rooms['rooms_per_core_at_25_fps']} rooms a core"
    )


def print_events(items: list[dict[str, Any]]) -> None:
    """One chunk of each sound event network."""
    table = Table("recipe", "chunk [s]", "streams", "features [ms]", "onnxruntime [ms]", "torch [ms]", title="sound events")
    table.columns[0].no_wrap = True
    for item in items:
        times = (f"{item[name]:.1f}" for name in ("features_ms", "onnxruntime_ms", "torch_ms"))
        table.add_row(item["recipe"], f"{item['chunk_s']:g}", str(item["streams"]), *times)
    console.print(table)


def print_peer(peers: dict[str, Any]) -> None:
    """Another implementation on the same frames."""
    table = Table("peer, window", "its median [ms]", "ours [ms]", "ratio", "its error", "our error", title="peers")
    for name, item in peers.items():
        table.add_row(
            name, f"{item['median_ms']:.2f}", f"{item['our_median_ms']:.3f}", f"{item['ratio']:.0f}",
            f"{item['error_deg']:.2f}°", f"{item['our_error_deg']:.2f}°",
        )  # fmt: skip
    console.print(table)


def print_live(report: dict[str, Any]) -> None:
    """The live system in a line."""
    end = report["end_to_end_ms"]
    console.print(
        f"live: end of the audio window to SpeakerArray {end['p50']:.0f} / {end['p95']:.0f} / {end['p99']:.0f} ms "
        f"(p50 / p95 / p99), {report['frames_in']} frames in, {report['frames_dropped']} dropped, "
        f"{report['cpu_percent']:.0f} % of one core, {report['rss_mb']:.0f} MB"
    )
