"""Runs nodes, one or many, in this process with one executor, and ends them cleanly on SIGINT and SIGTERM."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidNamespaceException
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from avloc_ros.nodes.base.dds import use_shared_memory_profile
from avloc_ros.nodes.base.settled_heap import SettledHeap
from avloc_ros.types import InputError

SPIN_S = 0.2  # how long one turn of the executor may wait: a signal is answered within it
TURN_S = 1e-4  # see short_turns
DONE, BAD_INPUT = 0, 2

NodeParameters = Mapping[str, Mapping[str, Any]]  # node name -> parameter name -> value; "/**" holds for all


def run_node(node_class: type[Any]) -> int:
    """main() of an executable: one node, arguments as ROS passes them. Returns the exit status."""
    return run_in_one_process([node_class], arguments=sys.argv)


def run_in_one_process(
    node_classes: Sequence[type[Any]],
    parameters: NodeParameters | None = None,
    namespace: str | None = None,
    arguments: Sequence[str] | None = None,
    on_ready: Callable[[list[Any], Executor], None] | None = None,
    until: Callable[[], bool] = lambda: False,
    needs_all: bool = False,
) -> int:
    """Run nodes until a signal, until `until()` is true, or until one is finished that shall end the process.

    parameters: {node name or "/**": {name: value}}. arguments: command line with --ros-args, as sys.argv. on_ready: gets
    the nodes and the executor before they spin (to add nodes of one's own). Returns 0, or 2 where a parameter is bad or a
    source cannot be opened; with needs_all also where a node could not be configured and the others went on without it (the
    reason is logged).
    """
    stop = threading.Event()
    restore = stop_on_signals(stop)
    use_shared_memory_profile()
    context = Context()
    try:
        rclpy.init(args=list(arguments or []), context=context, signal_handler_options=SignalHandlerOptions.NO)
    except rclpy_implementation.RCLError as error:  # a parameter file or argument that rcl cannot read
        print(f"cannot start: {error}", file=sys.stderr)
        restore()
        return BAD_INPUT
    nodes: list[Any] = []
    executor = make_executor(context)
    try:
        for node_class in node_classes:
            nodes.append(make_node(node_class, context, parameters or {}, namespace))
            executor.add_node(nodes[-1])
        if on_ready is not None:
            on_ready(nodes, executor)
        with SettledHeap() as heap, short_turns():

            def is_over() -> bool:
                heap.settle(sum(node.is_active for node in nodes))
                return stop.is_set() or until() or any(node.is_finished for node in nodes)

            spin(executor, is_over)
        failed = [node.get_name() for node in nodes if node.has_failed and (needs_all or node.is_finished)]
        if failed:
            print(f"could not be configured, see above: {', '.join(failed)}", file=sys.stderr)
        status = BAD_INPUT if failed else DONE
    except InputError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return BAD_INPUT
    finally:
        shut_down(nodes, executor, context)
        restore()
    return status


def make_node(
    node_class: type[Any], context: Context, parameters: NodeParameters = {}, namespace: str | None = None  # noqa: B006
) -> Any:
    """One node with its parameters. Raises InputError where a parameter or the namespace does not fit."""
    values = {**parameters.get("/**", {}), **parameters.get(node_class.NAME, {})}
    overrides = [Parameter(name, value=_plain(value)) for name, value in values.items()]
    try:
        return node_class(context=context, namespace=namespace, parameter_overrides=overrides)
    except InvalidNamespaceException as error:
        raise InputError(f"namespace '{namespace}': letters, digits, _ and / only, no digit first") from error


def make_executor(context: Context) -> Executor:
    """The fastest executor that this distro has (EventsExecutor: half the latency of SingleThreadedExecutor)."""
    if importlib.util.find_spec("rclpy.experimental") and importlib.util.find_spec("rclpy.experimental.events_executor"):
        from rclpy.experimental import EventsExecutor

        return EventsExecutor(context=context)
    return SingleThreadedExecutor(context=context)


def spin(executor: Executor, is_over: Callable[[], bool]) -> None:
    """Turn the executor until `is_over()`. By spin_once, because EventsExecutor.spin() does not return on a signal."""
    try:
        while not is_over():
            executor.spin_once(timeout_sec=SPIN_S)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # asked to end: what follows is the clean end


@contextlib.contextmanager
def short_turns() -> Iterator[None]:
    """Threads that wait for the interpreter get it after a tenth of a millisecond, not five.

    A worker gives it up at every product of arrays, dozens of times a window, and with a busy executor beside it, taking it
    back cost more than the computing: the ear of `make demo` beside one busy program on two cores answered 220 of 500 frames,
    with short turns 400.
    """
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


def shut_down(nodes: Sequence[Any], executor: Executor, context: Context) -> None:
    """Stop threads, destroy nodes, end the context, in the order that leaves nothing behind."""
    for node in nodes:
        executor.remove_node(node)
        node.destroy_node()
    executor.shutdown()
    if context.ok():
        rclpy.shutdown(context=context)


def stop_on_signals(stop: threading.Event) -> Callable[[], None]:
    """Let SIGINT and SIGTERM, also repeated, set `stop` and nothing else; what is returned puts back what was before."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # signals belong to the main thread, and whoever runs there
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
