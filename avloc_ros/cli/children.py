"""Child processes that run `avloc` itself: the demo and the bench are several processes, as on a robot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from avloc_ros.types import InputError

STOP_PATIENCE_S = 8.0


@contextmanager
def avloc_child(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `avloc ARGUMENTS` beside us, its output in `log`; at the end it gets SIGINT, and SIGKILL if it stays."""
    environment = {name: value for name, value in os.environ.items() if name != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
    command = [sys.executable, "-m", "avloc_ros.cli.main", *arguments]
    with log.open("wb") as output:
        child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            yield child
        finally:
            stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to end as Ctrl-C would; insist after a while."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def expect_running(child: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Raise InputError with the end of its output where the child has already ended."""
    if child.poll() is not None:
        raise ended_early(child, name, log)


def expect_success(child: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Raises InputError with the end of its output where the child failed, or has not ended."""
    if child.poll() != 0:
        raise ended_early(child, name, log)


def ended_early(child: subprocess.Popen[bytes], name: str, log: Path) -> InputError:
    """The error that tells the child's status and last words."""
    end = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    how = "has not ended in time" if child.returncode is None else f"ended with status {child.returncode}"
    return InputError(f"`avloc {name}` {how}; its last words:\n{end}")


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds that a process and those that it began have used, as far as they are still there."""
    return sum(float(times.user + times.system) for times in (one.cpu_times() for one in family(process)))


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of a process and those that it began; what they share counts for each."""
    return sum(one.memory_info().rss for one in family(process)) / 1e6


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all below it."""
    return [process, *process.children(recursive=True)]
