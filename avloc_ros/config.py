"""Settings: frozen dataclasses that are YAML files and ROS parameters at the same time.

Each room defines its settings beside the code that uses them, as a frozen dataclass whose fields are made with
`setting(default, description, ...)`. This module turns them into YAML and parameters and back: a default stands in
one place only, an unknown key or a value out of range fails with its name, its value and what is allowed.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from avloc_ros.spelling import meant
from avloc_ros.types import InputError

Config = TypeVar("Config")


def setting(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    read_only: bool = False,
) -> Any:
    """A dataclass field with its description and its limits. A list default is written as a tuple."""
    metadata = {"description": description, "low": low, "high": high, "choices": choices, "read_only": read_only}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Setting:
    """One flattened setting: its dotted name, type, default, limits, and what it is for."""

    name: str
    kind: type  # bool, int, float, str or tuple
    default: Any
    description: str
    low: float | None
    high: float | None
    choices: tuple[Any, ...] | None
    read_only: bool


def settings_of(config_class: type, prefix: str = "") -> list[Setting]:
    """All settings of a config dataclass; a field that is itself a config dataclass is flattened with a dot."""
    found: list[Setting] = []
    hints = typing.get_type_hints(config_class)
    for item in dataclasses.fields(config_class):
        kind = hints[item.name]
        name = prefix + item.name
        if dataclasses.is_dataclass(kind):
            found += settings_of(typing.cast(type, kind), name + ".")
            continue
        meta = item.metadata
        found.append(
            Setting(
                name,
                _plain_kind(kind, name),
                item.default,
                meta.get("description", ""),
                meta.get("low"),
                meta.get("high"),
                meta.get("choices"),
                meta.get("read_only", False),
            )
        )
    return found


def from_mapping(config_class: type[Config], values: dict[str, Any], where: str = "settings") -> Config:
    """Build a config from a nested or dotted mapping. Raises InputError on unknown names and values out of range."""
    flat = flatten(values)
    known = {item.name: item for item in settings_of(config_class)}
    for name in flat:
        if name not in known:
            raise InputError(f"{where}: unknown setting '{name}'{hint(name, known)}")
    checked = {name: checked_value(known[name], value, where) for name, value in flat.items()}
    return _build(config_class, checked, "")


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: the one that was probably meant, else all that are known."""
    known = sorted(known)
    close = meant(name, known)
    return f"; did you mean '{close}'?" if close else f"; known: {', '.join(known)}"


def to_mapping(config: Any) -> dict[str, Any]:
    """The nested mapping of a config, ready for YAML (tuples become lists)."""
    return {
        item.name: to_mapping(value) if dataclasses.is_dataclass(value) else _plain(value)
        for item in dataclasses.fields(config)
        for value in [getattr(config, item.name)]
    }


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{'a': {'b': 1}} -> {'a.b': 1}"""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def checked_value(item: Setting, value: Any, where: str = "settings") -> Any:
    """The value in the setting's type. Raises InputError that names the setting, the value and what is allowed."""
    if item.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if item.kind is tuple and isinstance(value, (list, tuple)):
        value = tuple(value)
    elif not isinstance(value, item.kind) or (item.kind is int and isinstance(value, bool)):
        raise InputError(f"{where}: '{item.name}' is {value!r}, needs a {item.kind.__name__} ({item.description})")
    if item.choices is not None and value not in item.choices:
        raise InputError(f"{where}: '{item.name}' is {value!r}, allowed: {', '.join(map(str, item.choices))}")
    if item.kind in (int, float):
        below = item.low is not None and value < item.low
        above = item.high is not None and value > item.high
        if below or above or value != value:
            raise InputError(f"{where}: '{item.name}' is {value}, allowed: {item.low} to {item.high}")
    return value


def shipped_folder() -> Path:
    """Where config/, launch/ and msg/ of this package lie: the source tree, or share/avloc_ros of an ament prefix."""
    source_tree = Path(__file__).resolve().parent.parent
    if (source_tree / "package.xml").is_file():
        return source_tree
    prefixes = [*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), sys.prefix]
    for prefix in prefixes:
        share = Path(prefix) / "share" / "avloc_ros"
        if (share / "package.xml").is_file():
            return share
    raise InputError(
        f"share/avloc_ros is in none of {', '.join(prefixes)}: install the package, or source its setup file first"
    )


def cache_folder() -> Path:
    """Where prepared models and the demo scene are kept: $XDG_CACHE_HOME/avloc_ros, else ~/.cache/avloc_ros."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "avloc_ros"


def _build(config_class: type[Config], flat: dict[str, Any], prefix: str) -> Config:
    hints = typing.get_type_hints(config_class)
    arguments: dict[str, Any] = {}
    for item in dataclasses.fields(typing.cast(Any, config_class)):
        name = prefix + item.name
        if dataclasses.is_dataclass(hints[item.name]):
            arguments[item.name] = _build(hints[item.name], flat, name + ".")
        elif name in flat:
            arguments[item.name] = flat[name]
    return config_class(**arguments)


def _plain_kind(kind: Any, name: str) -> type:
    origin = typing.get_origin(kind) or kind
    if origin in (bool, int, float, str, tuple):
        return typing.cast(type, origin)
    if isinstance(kind, types.UnionType):
        raise TypeError(f"{name}: a setting has one type; write 'unset' as an empty string or a negative number")
    raise TypeError(f"{name}: settings are bool, int, float, str or tuple, not {kind}")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
