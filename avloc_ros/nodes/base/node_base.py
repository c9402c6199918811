"""The base of all nodes: life cycle, parameters, guarded callbacks, diagnostics, one worker thread.

A subclass says in `build` what it subscribes, publishes and computes; this class makes sure that bad input and our own
failures end as words in /diagnostics, never as a node that died.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import message_filters
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.timer import Timer

from avloc_ros.config import setting, settings_of
from avloc_ros.nodes.base.diagnostics import DiagnosticsPublisher, explain_silence
from avloc_ros.nodes.base.health import OVERLOAD, Health, Level
from avloc_ros.nodes.base.parameters import declare_settings, misspelt, read_settings, watch_settings
from avloc_ros.nodes.base.stamp_order import Order, StampOrder
from avloc_ros.nodes.base.worker import Worker
from avloc_ros.nodes.messages.conversions import stamp_ns
from avloc_ros.types import InputError

OF_RCLPY = {"use_sim_time", "start_type_description_service"}  # parameters that rclpy declares on every node


@dataclass(frozen=True)
class NodeSettings:
    """Settings that every node has."""

    autostart: bool = setting(True, "configure and activate at start, without a life cycle manager", read_only=True)
    diagnostics_period_s: float = setting(1.0, "time between two /diagnostics messages", low=0.05, high=60.0, read_only=True)
    stale_after_s: float = setting(1.0, "an input silent for longer is reported as missing", low=0.05, high=60.0)
    startup_s: float = setting(
        5.0, "time after activation in which it is no error that nothing comes out yet", low=0.0, high=600.0
    )
    waiting_s: float = setting(
        30.0, "time after activation in which it is only a warning that nothing has come in yet", low=0.0, high=3600.0
    )
    jump_back_s: float = setting(
        0.5, "stamps older than the newest by more than this mean that time jumped back: state is reset", low=0.1, high=10.0
    )


class PipelineNode(LifecycleNode):
    """A lifecycle node that steps a system; see the hooks at the end of the class.

    NAME: its name on the graph. CONFIG: the dataclass of its settings, each of which becomes a parameter.
    QUEUE_CAPACITY: droppable tasks that may wait for the worker. node_options: as of rclpy's Node.
    Raises InputError where a given parameter does not fit.
    """

    NAME: ClassVar[str]
    CONFIG: ClassVar[type[Any]]
    QUEUE_CAPACITY: ClassVar[int] = 4

    def __init__(self, **node_options: Any) -> None:
        self.is_active = False
        self.is_finished = False  # nothing more will come of it: the process that runs it may end
        self.has_failed = False  # it could not be configured as it was asked to be
        self._is_built = False
        self._worker: Worker | None = None
        self._filters: list[message_filters.Subscriber] = []
        self._asked: dict[str, QoSProfile] = {}  # by resolved topic
        self._outputs: dict[str, Any] = {}
        self._timers_made: list[Timer] = []
        self._orders: dict[str, StampOrder] = {}
        super().__init__(self.NAME, **node_options)
        self.health = Health(self.why_silent, excuse=self.excuse)
        try:
            declare_settings(self, NodeSettings)
            declare_settings(self, self.CONFIG)
            self.settings = read_settings(self, NodeSettings)
            self.config: Any = read_settings(self, self.CONFIG)
            self._be_patient()
        except InputError:
            self.destroy_node()
            raise
        for given, meant in misspelt(self):
            self.get_logger().warning(f"parameter '{given}' is not known and has no effect: did you mean '{meant}'?")
        self._diagnostics = DiagnosticsPublisher(
            self, self.health, self.settings.diagnostics_period_s, lambda: self.is_active
        )
        watch_settings(self, {self.CONFIG: self._apply_config, NodeSettings: self._apply_settings})
        self._autostart_timer: Timer | None = None
        if self.settings.autostart:
            self._autostart_timer = self.create_timer(0.0, self._autostart, clock=_steady_clock())

    @classmethod
    def parameter_names(cls) -> set[str]:
        """Names of all parameters of the node, with those that rclpy declares."""
        return {item.name for config in (NodeSettings, cls.CONFIG) for item in settings_of(config)} | OF_RCLPY

    # -------------------------------------------------------------------------------------------- for subclasses
    def listen(
        self,
        message_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
        *,
        consequence: str = "",
        stream: str = "",
    ) -> message_filters.Subscriber:
        """Subscribe; `callback` may raise InputError. It runs while the node is active; of a latched topic, which tells what
        holds until further notice and tells it once, at all times. consequence: what is lost without it."""
        stream = stream or topic
        resolved = self.resolve_topic_name(topic)
        self._asked[resolved] = qos
        self.health.expect(stream, resolved, consequence)
        subscriber = message_filters.Subscriber(self, message_type, topic, qos_profile=qos)
        is_latched = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        subscriber.registerCallback(partial(self._receive, stream, callback, is_latched))
        self._filters.append(subscriber)
        return subscriber

    def announce(self, message_type: type, topic: str, qos: QoSProfile, *, is_promised: bool = True) -> None:
        """Create the publisher of `topic`. is_promised: it should carry something whenever the node is active."""
        self._outputs[topic] = self.create_lifecycle_publisher(message_type, topic, qos)
        if is_promised:
            self.health.promise(topic)

    def send(self, topic: str, message: Any, capture_stamp_ns: int) -> None:
        """Publish, and account for the latency since capture."""
        publisher = self._outputs.get(topic)
        if publisher is None or not self.is_active or not self.context.ok():
            return
        publisher.publish(message)
        self.health.published(topic, (self.get_clock().now().nanoseconds - capture_stamp_ns) / 1e9)

    def has_listeners(self, topic: str) -> bool:
        """Whether somebody wants `topic` (what nobody wants need not be drawn)."""
        publisher = self._outputs.get(topic)
        return publisher is not None and publisher.get_subscription_count() > 0

    def every(self, period_s: float, callback: Callable[[], None]) -> None:
        """Call back every `period_s` of real time while active; guarded like a subscription."""
        timer = self.create_timer(period_s, partial(self._on_timer, callback), clock=_steady_clock())
        self._timers_made.append(timer)

    def in_background(self, task: Callable[[], None], *, droppable: bool = True) -> None:
        """Run `task` on the worker thread, after those before it; the oldest droppable one goes where too many wait."""
        if self._worker is None:
            self._worker = Worker(self.get_name(), self.QUEUE_CAPACITY, self._note_drop, partial(self.report_failure, "worker"))
        self._worker.submit(task, droppable)

    def is_in_order(self, stream: str, message: Any) -> bool:
        """Whether a message is newer than those before it; counts repeated and late ones, resets on a jump back."""
        order = self._orders.setdefault(stream, StampOrder(self.settings.jump_back_s))
        before_ns = order.newest_ns
        stamp = stamp_ns(message.header.stamp)
        judged = order.judge(stamp)
        words = f"stamps of {stream} stand still: its sender must fill in header.stamp"
        self.health.problems(f"stamps:{stream}", [words] if order.stands_still else [])
        if judged == Order.JUMPED_BACK:
            self.time_jumped(stream, ((before_ns or stamp) - stamp) / 1e9)
            self._orders[stream].judge(stamp)
            return True
        if judged != Order.NEXT:
            self.health.dropped(f"{stream} {judged.value}")
        return judged == Order.NEXT

    def time_jumped(self, stream: str, back_s: float) -> None:
        """Forget everything that belongs to the time before a jump."""
        self.health.note(f"time jumped back by {back_s:.1f} s in {stream} (a bag that loops?): state reset")
        self._forget()

    def why_silent(self, topic: str) -> str:
        """Why nothing arrives on a topic that the node listens to, by its resolved name."""
        return explain_silence(self, topic, self._asked[topic])

    def report_failure(self, where: str, error: Exception) -> None:
        """Bad input, or a failure of ours, becomes a word in diagnostics."""
        if isinstance(error, InputError):
            self.health.problem(f"failure:{where}", str(error), Level.ERROR)
            return
        if not self.context.ok():
            return  # publishing fails while everything shuts down
        text = f"internal failure in {where}: {type(error).__name__}: {error}"
        if self.health.problem(f"failure:{where}", text, Level.ERROR):
            self.get_logger().error(f"{text}\n{''.join(traceback.format_exception(error))}")

    # -------------------------------------------------------------------------------------------- hooks
    def build(self) -> None:
        """Make the system, subscribe (`listen`) and publish (`announce`). May raise InputError: the node then stays
        unconfigured and says why."""
        raise InputError(f"{type(self).__name__} says nothing about what it does")

    def release(self) -> None:
        """Free what `build` made beyond subscriptions and publishers."""

    def start(self) -> None:
        """The node has become active."""

    def stop(self) -> None:
        """The node is about to become inactive."""

    def reset(self) -> None:
        """Forget all state: time jumped back, or the node becomes active."""

    def reconfigure(self, config: Any) -> None:
        """Take over changed settings while running; by default only new steps see `self.config`."""

    def is_vital(self) -> bool:
        """Whether the process that runs this node shall end where it cannot be configured."""
        return False

    def excuse(self) -> str:
        """Why it is right that nothing comes out while nothing comes in; "" where it is not."""
        return ""

    # -------------------------------------------------------------------------------------------- life cycle
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build; a failure leaves the node unconfigured, with the reason in diagnostics."""
        self.health.restart()
        try:
            self.build()
        except Exception as error:
            self._take_down()
            self.report_failure("configure", error)
            self.get_logger().error(f"cannot configure: {error}")
            self.has_failed = True
            return TransitionCallbackReturn.FAILURE
        self.has_failed = False
        self._is_built = True
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to listen, with no memory of what was before."""
        result = super().on_activate(state)
        try:
            self._forget()
            self.is_active = True
            self.health.watch()
            self.start()
        except Exception as error:
            self.is_active = False
            self.report_failure("activate", error)
            self.get_logger().error(f"cannot activate: {error}")
            return TransitionCallbackReturn.FAILURE
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to listen."""
        self.is_active = False
        self._end("deactivate", self.stop)
        if self._worker is not None:
            self._worker.clear()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take down what configure built."""
        self._take_down()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take down from any state."""
        self.close()
        return super().on_shutdown(state)

    def close(self) -> None:
        """Stop threads and free everything but the node itself; safe to call more than once."""
        if self.is_active:
            self.is_active = False
            self._end("deactivate", self.stop)
        self._take_down()

    def destroy_node(self) -> None:
        """Close, then destroy."""
        self.close()
        super().destroy_node()

    # -------------------------------------------------------------------------------------------- inside
    def _receive(self, stream: str, callback: Callable[[Any], None], is_latched: bool, message: Any) -> None:
        if not (self.is_active or is_latched):
            return
        self.health.received(stream)
        try:
            callback(message)
        except Exception as error:
            self.report_failure(stream, error)
        else:
            self.health.well(f"failure:{stream}")

    def _on_timer(self, callback: Callable[[], None]) -> None:
        if not self.is_active:
            return
        what = getattr(callback, "__name__", "timer").strip("_")
        try:
            callback()
        except Exception as error:
            self.report_failure(what, error)
        else:
            self.health.well(f"failure:{what}")

    def _forget(self) -> None:
        if self._worker is not None:
            self._worker.clear()
        for order in self._orders.values():
            order.reset()
        self.reset()

    def _end(self, transition: str, hook: Callable[[], None]) -> None:
        """Run a hook of an end that must go on: rclpy would swallow what it raises, and leave the node half taken down."""
        try:
            hook()
        except Exception as error:
            self.report_failure(transition, error)

    def _take_down(self) -> None:
        self._is_built = False
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        self._end("cleanup", self.release)
        for subscriber in self._filters:
            self.destroy_subscription(subscriber.sub)
        for timer in self._timers_made:
            self.destroy_timer(timer)
        for publisher in self._outputs.values():
            self.destroy_lifecycle_publisher(publisher)
        self._filters.clear()
        self._timers_made.clear()
        self._outputs.clear()
        self._orders.clear()

    def _autostart(self) -> None:
        if self._autostart_timer is not None:
            self.destroy_timer(self._autostart_timer)
            self._autostart_timer = None
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        else:
            self.is_finished = self.is_vital()

    def _apply_config(self, config: Any) -> None:
        if self._is_built:
            self.reconfigure(config)
        self.config = config

    def _apply_settings(self, settings: Any) -> None:
        if settings.jump_back_s != self.settings.jump_back_s:
            self._orders.clear()  # each begins anew with the next message, by the new measure
        self.settings = settings
        self._be_patient()

    def _be_patient(self) -> None:
        settings = self.settings
        self.health.be_patient(settings.stale_after_s, settings.startup_s, settings.waiting_s)

    def _note_drop(self) -> None:
        self.health.dropped(OVERLOAD)


def _steady_clock() -> Clock:
    return Clock(clock_type=ClockType.STEADY_TIME)
