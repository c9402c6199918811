"""tf2_ros and tf2_msgs: look-ups against scipy's rotations, and what travels."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from geometry_msgs.msg import TransformStamped
from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.time import Time
from scipy.spatial.transform import Rotation, Slerp
from tf2_msgs.msg import TFMessage
from tf2_ros import (
    Buffer,
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    StaticTransformBroadcaster,
    TransformBroadcaster,
    TransformException,
    TransformListener,
)

LATEST = Time()
OFFICIAL_HASH = "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"


def transform(
    parent: str,
    child: str,
    seconds: float = 0.0,
    translation: tuple[float, ...] = (0.0, 0.0, 0.0),
    rotation: Rotation | None = None,
) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = Time(nanoseconds=round(seconds * 1e9)).to_msg()
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = translation
    q.x, q.y, q.z, q.w = (Rotation.identity() if rotation is None else rotation).as_quat().tolist()
    return message


def buffer_of(*transforms: TransformStamped, static: tuple[TransformStamped, ...] = ()) -> Buffer:
    buffer = Buffer()
    for one in transforms:
        buffer.set_transform(one, "test")
    for one in static:
        buffer.set_transform_static(one, "test")
    return buffer


def translation_of(message: TransformStamped) -> np.ndarray:
    t = message.transform.translation
    return np.array([t.x, t.y, t.z])


def rotation_of(message: TransformStamped) -> Rotation:
    q = message.transform.rotation
    return Rotation.from_quat([q.x, q.y, q.z, q.w])


def at(seconds: float) -> Time:
    return Time(nanoseconds=round(seconds * 1e9), clock_type=ClockType.ROS_TIME)


def test_message_hash_is_the_official_one() -> None:
    description = Path(get_package_share_directory("tf2_msgs")) / "msg" / "TFMessage.json"
    hashes = {
        entry["type_name"]: entry["hash_string"]
        for entry in json.loads(description.read_text())["type_hashes"]
    }
    assert hashes["tf2_msgs/msg/TFMessage"] == OFFICIAL_HASH


def test_chain_up_and_down_the_tree() -> None:
    base_turn, camera_turn = (
        Rotation.from_euler("zyx", [0.3, -0.2, 0.1]),
        Rotation.from_euler("zyx", [-1.0, 0.4, 0.7]),
    )
    buffer = buffer_of(
        transform("map", "base", 5.0, (1.0, 2.0, 3.0), base_turn),
        transform("map", "camera", 5.0, (-1.0, 0.5, 0.25), camera_turn),
    )
    found = buffer.lookup_transform("camera", "base", LATEST)
    expected = camera_turn.inv().apply(np.array([1.0, 2.0, 3.0]) - [-1.0, 0.5, 0.25])
    np.testing.assert_allclose(translation_of(found), expected, atol=1e-12)
    assert (rotation_of(found).inv() * (camera_turn.inv() * base_turn)).magnitude() < 1e-9
    assert (found.header.frame_id, found.child_frame_id) == ("camera", "base")
    assert Time.from_msg(found.header.stamp) == at(5.0)


def test_inverse_look_up() -> None:
    turn = Rotation.from_euler("z", 0.5)
    buffer = buffer_of(transform("map", "base", 1.0, (1.0, 0.0, 0.0), turn))
    found = buffer.lookup_transform("base", "map", at(1.0))
    np.testing.assert_allclose(translation_of(found), -turn.inv().apply([1.0, 0.0, 0.0]), atol=1e-12)


def test_between_two_stamps_it_interpolates() -> None:
    first, second = Rotation.from_euler("zyx", [0.1, 0.2, 0.3]), Rotation.from_euler("zyx", [1.2, -0.4, 0.9])
    buffer = buffer_of(
        transform("map", "base", 1.0, (0.0, 0.0, 0.0), first),
        transform("map", "base", 2.0, (4.0, 0.0, -2.0), second),
    )
    found = buffer.lookup_transform("map", "base", at(1.25))
    np.testing.assert_allclose(translation_of(found), [1.0, 0.0, -0.5], atol=1e-9)
    expected = Slerp([1.0, 2.0], Rotation.concatenate([first, second]))(1.25)
    assert (rotation_of(found).inv() * expected).magnitude() < 1e-6


def test_interpolation_takes_the_shorter_arc() -> None:
    turned = transform("map", "base", 2.0, rotation=Rotation.from_euler("z", 0.4))
    q = turned.transform.rotation
    q.x, q.y, q.z, q.w = -q.x, -q.y, -q.z, -q.w  # the same rotation
    found = buffer_of(transform("map", "base", 1.0), turned).lookup_transform("map", "base", at(1.5))
    assert abs(rotation_of(found).magnitude() - 0.2) < 1e-6


def test_latest_is_the_newest_time_all_know() -> None:
    buffer = buffer_of(
        transform("map", "base", 1.0), transform("map", "base", 3.0, (2.0, 0.0, 0.0)),
        transform("base", "camera", 0.0), transform("base", "camera", 2.0),
        static=(transform("camera", "lens", 0.0, (0.0, 0.0, 1.0)),),
    )  # fmt: skip
    found = buffer.lookup_transform("map", "lens", LATEST)
    assert Time.from_msg(found.header.stamp) == at(2.0)
    np.testing.assert_allclose(translation_of(found), [1.0, 0.0, 1.0], atol=1e-9)


def test_static_transforms_hold_at_any_time() -> None:
    buffer = buffer_of(static=(transform("base", "camera", 100.0, (0.0, 1.0, 0.0)),))
    for seconds in (0.0, 1.0, 1e6):
        np.testing.assert_allclose(
            translation_of(buffer.lookup_transform("base", "camera", at(seconds))), [0, 1, 0]
        )


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_outside_the_buffered_time_is_extrapolation(seconds: float) -> None:
    buffer = buffer_of(transform("map", "base", 1.0), transform("map", "base", 2.0))
    with pytest.raises(ExtrapolationException):
        buffer.lookup_transform("map", "base", at(seconds))
    assert not buffer.can_transform("map", "base", at(seconds))


def test_unknown_frame_is_a_lookup_error() -> None:
    buffer = buffer_of(transform("map", "base", 1.0))
    with pytest.raises(LookupException, match="nowhere"):
        buffer.lookup_transform("map", "nowhere", LATEST)
    with pytest.raises(LookupException, match="nowhere"):
        buffer.lookup_transform("nowhere", "map", LATEST)


@pytest.mark.parametrize("when", [LATEST, at(1.0)])
def test_two_trees_are_a_connectivity_error(when: Time) -> None:
    buffer = buffer_of(transform("map", "base", 1.0), transform("other", "thing", 1.0))
    with pytest.raises(ConnectivityException):
        buffer.lookup_transform("base", "thing", when)


def test_leading_slash_is_refused() -> None:
    with pytest.raises(InvalidArgumentException):
        buffer_of(transform("map", "base", 1.0)).lookup_transform("/map", "base", LATEST)


def test_all_errors_are_transform_exceptions() -> None:
    kinds = (LookupException, ConnectivityException, ExtrapolationException, InvalidArgumentException)
    assert all(issubclass(kind, TransformException) for kind in kinds)


def test_frame_to_itself_is_identity() -> None:
    found = buffer_of(transform("map", "base", 1.0, (1.0, 0.0, 0.0))).lookup_transform("base", "base", LATEST)
    np.testing.assert_allclose(translation_of(found), [0.0, 0.0, 0.0])
    assert rotation_of(found).magnitude() == 0.0


def test_what_is_older_than_the_cache_is_forgotten() -> None:
    buffer = Buffer(cache_time=Duration(seconds=1.0))
    for seconds in (1.0, 2.5, 3.0, 1.2):  # the last comes too late
        buffer.set_transform(transform("map", "base", seconds), "test")
    assert buffer.can_transform("map", "base", at(2.7))
    assert not buffer.can_transform("map", "base", at(2.4))


def test_out_of_order_transforms_are_sorted_in() -> None:
    buffer = buffer_of(*(transform("map", "base", s, (s, 0.0, 0.0)) for s in (1.0, 3.0, 2.0)))
    for seconds in (1.5, 2.5):
        assert translation_of(buffer.lookup_transform("map", "base", at(seconds)))[0] == pytest.approx(
            seconds
        )


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_the_reason_can_be_asked_for(seconds: float) -> None:
    buffer = buffer_of(transform("map", "base", 1.0), transform("map", "base", 2.0))
    possible, reason = buffer.can_transform("map", "base", at(seconds), return_debug_tuple=True)
    assert not possible
    assert "extrapolation" in reason
    assert buffer.can_transform("map", "base", at(1.5), return_debug_tuple=True)[0]


def test_broken_transforms_are_left_out() -> None:
    not_a_number = transform("map", "base", 1.0, (float("nan"), 0.0, 0.0))
    no_rotation = transform("map", "camera", 1.0)
    no_rotation.transform.rotation.w = 0.0
    buffer = buffer_of(not_a_number, no_rotation, transform("map", "map", 1.0))
    assert not any(buffer.can_transform("map", child, LATEST) for child in ("base", "camera"))


def test_a_quaternion_need_not_have_unit_length() -> None:
    long = transform("map", "base", 1.0, (0.0, 0.0, 0.0), Rotation.from_euler("zyx", [0.4, 0.3, -0.2]))
    q = long.transform.rotation
    q.x, q.y, q.z, q.w = 2 * q.x, 2 * q.y, 2 * q.z, 2 * q.w
    found = buffer_of(long).lookup_transform("map", "base", LATEST).transform.rotation
    assert found.x**2 + found.y**2 + found.z**2 + found.w**2 == pytest.approx(1.0)
    assert found.w / found.x == pytest.approx(q.w / q.x)


def test_clear_forgets_what_moves() -> None:
    buffer = buffer_of(transform("map", "base", 1.0))
    buffer.clear()
    assert not buffer.can_transform("map", "base", at(1.0))


def test_broadcast_transforms_arrive_in_a_buffer(node: Node, spin_until: Callable[..., None]) -> None:
    buffer = Buffer()
    listener = TransformListener(buffer, node)
    broadcaster, static_broadcaster = TransformBroadcaster(node), StaticTransformBroadcaster(node)
    spin_until(
        lambda: node.count_subscribers("/tf") == 1 and broadcaster.pub_tf.get_subscription_count() == 1
    )
    broadcaster.sendTransform([transform("map", "base", 1.0), transform("map", "arm", 1.0)])
    broadcaster.sendTransform(transform("map", "base", 2.0, (2.0, 0.0, 0.0)))
    static_broadcaster.sendTransform(transform("base", "camera", 0.0, (0.0, 1.0, 0.0)))
    spin_until(lambda: buffer.can_transform("map", "camera", at(1.5)))
    np.testing.assert_allclose(
        translation_of(buffer.lookup_transform("map", "camera", at(1.5))), [1.0, 1.0, 0.0]
    )
    assert buffer.can_transform("map", "arm", at(1.0))
    listener.unregister()


def test_static_broadcaster_latches_what_it_sent(node: Node, spin_until: Callable[..., None]) -> None:
    broadcaster = StaticTransformBroadcaster(node)
    broadcaster.sendTransform([transform("base", "array"), transform("base", "lens")])
    buffer = Buffer()
    listener = TransformListener(buffer, node)  # comes later than the message
    spin_until(lambda: buffer.can_transform("lens", "array", LATEST))
    listener.unregister()


@pytest.mark.skipif(os.environ.get("ROS_DISTRO") == "humble", reason="Humble's latches its last message only")
def test_static_broadcaster_latches_all_it_ever_sent(node: Node, spin_until: Callable[..., None]) -> None:
    broadcaster = StaticTransformBroadcaster(node)
    broadcaster.sendTransform(transform("base", "camera", 0.0, (1.0, 0.0, 0.0)))
    broadcaster.sendTransform([transform("base", "array"), transform("base", "lens")])
    buffer = Buffer()
    listener = TransformListener(buffer, node)  # comes later than both messages
    spin_until(lambda: buffer.can_transform("camera", "array", LATEST))
    assert buffer.can_transform("camera", "lens", LATEST)
    listener.unregister()


def test_quality_of_service_of_broadcasters(node: Node, spin_until: Callable[..., None]) -> None:
    broadcasters = TransformBroadcaster(node), StaticTransformBroadcaster(node)
    spin_until(lambda: all(node.count_publishers(topic) == 1 for topic in ("/tf", "/tf_static")))
    dynamic, static = (one.pub_tf.qos_profile if hasattr(one, "pub_tf") else None for one in broadcasters)
    assert (dynamic.depth, dynamic.reliability, dynamic.durability) == (
        100, ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE,
    )  # fmt: skip
    assert (static.depth, static.reliability, static.durability) == (
        1, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL,
    )  # fmt: skip


def test_look_up_waits_for_a_transform_that_comes_late(node: Node) -> None:
    buffer = Buffer(node=node)
    listener = TransformListener(buffer, node, spin_thread=True)
    publisher = node.create_publisher(TFMessage, "/tf", 10)

    def publish_late() -> None:
        while publisher.get_subscription_count() == 0:
            time.sleep(0.01)
        time.sleep(0.2)
        publisher.publish(TFMessage(transforms=[transform("map", "base", 1.0)]))

    thread = threading.Thread(target=publish_late)
    thread.start()
    found = buffer.lookup_transform("map", "base", LATEST, timeout=Duration(seconds=5.0))
    assert found.child_frame_id == "base"
    thread.join()
    listener.unregister()


def test_frames_that_are_gone_do_not_disturb_those_that_live_and_are_still_known() -> None:
    buffer = Buffer()
    for frame in range(30):  # a speaker each 2 s, 40 ms apart, each with a frame of its own
        for step in range(50):
            buffer.set_transform(moved(f"voice_{frame}", 100 + 2 * frame + 0.04 * step, frame), "test")
    newest = buffer.lookup_transform("array", "voice_29", Time(seconds=100 + 58, nanoseconds=960_000_000))
    assert newest.transform.translation.x == 29
    assert buffer.lookup_transform("array", "voice_0", Time()).transform.translation.x == 0


def moved(child: str, seconds: float, x: float) -> TransformStamped:
    transform = TransformStamped(child_frame_id=child)
    transform.header.frame_id = "array"
    transform.header.stamp = Time(nanoseconds=round(seconds * 1e9)).to_msg()
    transform.transform.translation.x = float(x)
    transform.transform.rotation.w = 1.0
    return transform
