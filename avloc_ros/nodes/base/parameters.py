"""Settings dataclasses as ROS parameters: declared with description and range, read back, checked on every change."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from avloc_ros.config import Setting, from_mapping, settings_of
from avloc_ros.spelling import meant
from avloc_ros.types import InputError

Config = TypeVar("Config")
_LARGEST_INTEGER = 2**63 - 1


def declare_settings(node: Node, config_class: type) -> None:
    """Declare every setting of a config dataclass on the node. Raises InputError where a given value does not fit."""
    for item in settings_of(config_class):
        default = list(item.default) if item.kind is tuple else item.default
        try:
            node.declare_parameter(item.name, default, describe(item))
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise InputError(f"{node.get_name()}: parameter '{item.name}': {error}") from error


def describe(item: Setting) -> ParameterDescriptor:
    """The descriptor that `ros2 param describe` shows: what it is for, its range, what is allowed."""
    allowed = "" if item.choices is None else "one of: " + ", ".join(map(str, item.choices))
    descriptor = ParameterDescriptor(
        description=item.description,
        additional_constraints=allowed,
        read_only=item.read_only,
        # `2` must do for a float, and an empty list has no type of its own; `checked_value` of config is the judge.
        dynamic_typing=item.kind in (float, tuple),
    )
    if item.low is None and item.high is None:
        return descriptor
    if item.kind is float:
        low = -sys.float_info.max if item.low is None else float(item.low)
        high = sys.float_info.max if item.high is None else float(item.high)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
    elif item.kind is int:
        low_integer = -_LARGEST_INTEGER if item.low is None else int(item.low)
        high_integer = _LARGEST_INTEGER if item.high is None else int(item.high)
        descriptor.integer_range = [IntegerRange(from_value=low_integer, to_value=high_integer, step=0)]
    return descriptor


def read_settings(node: Node, config_class: type[Config], changed: Iterable[Parameter] = ()) -> Config:
    """The config that the node's parameters say, with `changed` ones taking precedence. Raises InputError."""
    values: dict[str, Any] = {}
    new = {parameter.name: parameter.value for parameter in changed}
    for item in settings_of(config_class):
        try:
            value = new[item.name] if item.name in new else node.get_parameter(item.name).value
        except ParameterUninitializedException:
            value = None
        if value is None:
            raise InputError(f"{node.get_name()}: parameter '{item.name}' has no value ({item.description})")
        # ROS hands arrays over as list or array.array
        values[item.name] = tuple(value) if item.kind is tuple and not isinstance(value, str) else value
    return from_mapping(config_class, values, node.get_name())


def misspelt(node: Node) -> list[tuple[str, str]]:
    """(name, name that was probably meant) of values given at the start for parameters that the node does not have.

    ROS passes over them in silence. Names that resemble none of the node's are left alone: a block `/**` of a parameter file
    gives every node what is meant for some.
    """
    known = [parameter.name for parameter in node.get_parameters_by_prefix("").values()]
    unknown = [name for name in node._parameter_overrides if name not in known]  # rclpy tells of them nowhere else
    return [(name, close) for name in unknown if (close := meant(name, known))]


def watch_settings(node: Node, appliers: Mapping[type, Callable[[Any], None]]) -> None:
    """Check each change of parameters of these configs: a bad one is refused with the reason, a good one is applied.

    appliers: config class: what takes the new config over. All are checked before the first is applied, so that of
    `set_parameters_atomically` everything is taken or nothing.
    """
    names = {config_class: {item.name for item in settings_of(config_class)} for config_class in appliers}

    def on_change(parameters: list[Parameter]) -> SetParametersResult:
        try:
            read: list[tuple[Callable[[Any], None], Any]] = []
            for config_class, apply in appliers.items():
                ours = [parameter for parameter in parameters if parameter.name in names[config_class]]
                if ours:
                    read.append((apply, read_settings(node, config_class, ours)))
            for apply, config in read:
                apply(config)
        except InputError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # rclpy passes it on to the executor, and the process of all nodes would end
            node.get_logger().error("".join(traceback.format_exception(error)))
            return SetParametersResult(successful=False, reason=f"internal failure: {type(error).__name__}: {error}")
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_change)
