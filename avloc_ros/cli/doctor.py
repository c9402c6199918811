"""`avloc doctor`: check environment, GPU, ROS, DDS, devices, weights and TF, and say what to do about each finding."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from avloc_ros.cli.checks import devices, environment, graph
from avloc_ros.cli.checks.finding import Finding, State
from avloc_ros.cli.console import console, error_console

CHECKS: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
    ("environment", environment.check),
    ("gpu", devices.check_gpu),
    ("weights", devices.check_weights),
    ("audio", devices.check_audio),
    ("camera", devices.check_cameras),
    ("ros", graph.check_installation),
    ("dds", graph.check_round_trip),
    ("graph", graph.check_running_system),
)
COLOURS = {State.OK: "green", State.NOTE: "yellow", State.FAIL: "bold red"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc doctor`."""
    parser = subparsers.add_parser("doctor", help="check this machine and say what to do")
    parser.add_argument("--only", nargs="+", choices=[name for name, _ in CHECKS], help="run only these checks")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the checks. Returns 0, or 2 where something must be mended before the live system can run."""
    findings: list[Finding] = []
    for name, check in CHECKS:
        if options.only and name not in options.only:
            continue
        with error_console.status(f"checking {name} ..."):
            findings += examined(name, check)
    if options.json:
        print(json.dumps([vars(finding) | {"state": finding.state.value} for finding in findings], indent=2))
    else:
        print_findings(findings)
    return 2 if any(finding.state == State.FAIL for finding in findings) else 0


def examined(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """The findings of one check; a check that breaks is itself a finding."""
    try:
        return check()
    except Exception as error:
        return [Finding(name, State.FAIL, f"the check itself failed: {type(error).__name__}: {error}")]


def print_findings(findings: list[Finding]) -> None:
    """A table, and one line that sums it up."""
    table = Table("check", "", "found", "what to do", title="avloc doctor")
    for finding in findings:
        colour = COLOURS[finding.state]
        table.add_row(finding.name, Text(finding.state.value, colour), finding.found, finding.advice)
    console.print(table)
    failures = sum(finding.state == State.FAIL for finding in findings)
    notes = sum(finding.state == State.NOTE for finding in findings)
    console.print(f"{failures} to mend, {notes} to know" if failures + notes else "all is well")
