"""`avloc doctor`: check environment, GPU, ROS, DDS, devices, weights and TF, and say what to do about each finding."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from rich.table import Table
from rich.text import Text

from avloc_ros.cli.checks import devices, environment, graph
from avloc_ros.cli.checks.finding import Finding, State
from avloc_ros.cli.console import console, error_console

Check = Callable[[], list[Finding]]


def check_weights() -> list[Finding]:
    """The check imports every system: not before it runs, for each `avloc` command reads this file."""
    from avloc_ros.cli.checks import weights

    return weights.check()


CHECKS: tuple[tuple[str, Check], ...] = (
    ("environment", environment.check),
    ("gpu", devices.check_gpu),
    ("weights", check_weights),
    ("audio", devices.check_audio),
    ("camera", devices.check_cameras),
    ("ros", graph.check_installation),
    ("dds", graph.check_round_trip),
    ("graph", graph.check_running_system),
)
FIRST = ("ros", "dds")  # ros chooses the profile of DDS; dds is timed while nothing else computes
LISTENING = ("graph",)  # it waits for what others say: the rest is checked meanwhile
COLOURS = {State.OK: "green", State.NOTE: "yellow", State.FAIL: "bold red"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc doctor`."""
    parser = subparsers.add_parser("doctor", help="check this machine and say what to do")
    parser.add_argument("--only", nargs="+", choices=[name for name, _ in CHECKS], help="run only these checks")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the checks. Returns 0, or 2 where something must be mended before the live system can run."""
    findings = examine([(name, check) for name, check in CHECKS if not options.only or name in options.only])
    if options.json:
        print(json.dumps([vars(finding) | {"state": finding.state.value} for finding in findings], indent=2))
    else:
        print_findings(findings)
    return 2 if any(finding.state == State.FAIL for finding in findings) else 0


def examine(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """What all checks find, in their order; they run in another one, and those that only listen beside the others."""
    found: dict[str, list[Finding]] = {}
    heard: dict[str, Future[list[Finding]]] = {}
    with ThreadPoolExecutor(1, "doctor") as beside:
        for name, check in sorted(checks, key=_turn):
            if name in LISTENING:
                heard[name] = beside.submit(examined, name, check)
                continue
            with error_console.status(f"checking {name} ..."):
                found[name] = examined(name, check)
        for name, future in heard.items():
            with error_console.status(f"checking {name} ..."):
                found[name] = future.result()
    return [finding for name, _ in checks for finding in found[name]]


def _turn(check: tuple[str, Check]) -> int:
    """FIRST, then LISTENING, then the rest."""
    return 0 if check[0] in FIRST else 1 if check[0] in LISTENING else 2


def examined(name: str, check: Check) -> list[Finding]:
    """The findings of one check; a check that breaks is itself a finding."""
    try:
        return check()
    except Exception as error:
        return [Finding(name, State.FAIL, f"the check itself failed: {type(error).__name__}: {error}")]


def print_findings(findings: list[Finding]) -> None:
    """A table, and one line that sums it up."""
    table = Table("check", "", title="avloc doctor")
    for title in ("found", "what to do"):
        table.add_column(title, overflow="fold")  # a file's name is broken over lines, not cut off
    for finding in findings:
        colour = COLOURS[finding.state]
        table.add_row(finding.name, Text(finding.state.value, colour), finding.found, finding.advice)
    console.print(table)
    failures = sum(finding.state == State.FAIL for finding in findings)
    notes = sum(finding.state == State.NOTE for finding in findings)
    console.print(f"{failures} to mend, {notes} to know" if failures + notes else "all is well")
