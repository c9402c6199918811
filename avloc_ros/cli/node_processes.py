"""Which nodes of the pipeline get a process of their own beside this one, and how these processes begin and end.

The threads of one Python process take turns at the interpreter. With all nodes in one process on two cores the ear needed three
times its own computing time for a window, and `make demo` was over a second behind; with the ear and the overlay in processes of
their own it is a tenth of a second behind, for about 250 MB more memory.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from types import TracebackType

from avloc_ros.cli.pipeline_options import node_class
from avloc_ros.nodes.base.compose import NodeParameters, run_in_one_process

APART = ("audio_tracker", "overlay", "sound_events", "active_speaker")  # compute much, and exchange small messages
END_PATIENCE_S = 8.0


def parted(names: Sequence[str], one_process: bool) -> tuple[list[str], list[str]]:
    """(nodes of this process, nodes with a process each). The first is never empty; the second is, on a single core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    apart = [] if one_process or cores < 2 else [name for name in names if name in APART]
    own = [name for name in names if name not in apart]
    return (own, apart) if own else (apart[:1], apart[1:])


class NodeProcesses:
    """Processes of one node each, while the context lasts. They end with this process, whatever ends it."""

    def __init__(self, names: Sequence[str], parameters: NodeParameters, namespace: str | None) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._processes: dict[str, BaseProcess] = {
            name: spawn.Process(target=_run, args=(name, dict(parameters), namespace, os.getpid()), name=name) for name in names
        }
        self.status = 0

    def __enter__(self) -> NodeProcesses:
        for process in self._processes.values():
            process.start()
        return self

    def have_ended(self) -> bool:
        """Whether one of them is no longer there: the pipeline is not whole then. `status` is its exit status, as of a shell."""
        for name, process in self._processes.items():
            code = process.exitcode
            if code is not None:
                self.status = self.status or (code if code >= 0 else 128 - code)
                if code:
                    print(f"the process of {name} ended with status {self.status}: the others end, too", file=sys.stderr)
                return True
        return False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes.values():
            process.terminate()  # as Ctrl-C: a clean end
        for process in self._processes.values():
            process.join(END_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
            self.status = self.status or max(process.exitcode or 0, 0)  # of a node that could not be configured


def _run(name: str, parameters: NodeParameters, namespace: str | None, parent: int) -> None:
    """A node until it is told to stop, or the process that began this one is gone."""

    def is_orphan() -> bool:
        return os.getppid() != parent

    sys.exit(run_in_one_process([node_class(name)], parameters, namespace, until=is_orphan, needs_all=True))
