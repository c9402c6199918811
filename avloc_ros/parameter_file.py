"""ROS 2 parameter files: which parameters they have for a node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from avloc_ros.config import flatten
from avloc_ros.types import InputError


@dataclass(frozen=True)
class ParameterBlock:
    """The parameters that a ROS 2 parameter file has for the nodes whose full name matches `pattern`.

    pattern: `/**`, a full name like `/robot/fusion`, with `*` for one part and `**` for any number of them, or a node's bare
    name, which holds in every namespace. parameters: flattened.
    """

    pattern: str
    parameters: dict[str, Any]

    @property
    def is_for_all(self) -> bool:
        """Whether it holds for every node there is."""
        return self.pattern == "/**"

    def matches(self, node: str, namespace: str | None) -> bool:
        """Whether it holds for a node. namespace: None stands for any."""
        if self.is_for_all:
            return True
        pattern = self.pattern if "/" in self.pattern else f"/**/{self.pattern}"
        if namespace is None:
            return pattern.rsplit("/", 1)[-1] in (node, "*", "**")
        parts = (r"(?:/[^/]+)*" if part == "**" else "/" + re.escape(part).replace(r"\*", "[^/]*") for part in _names_in(pattern))
        return re.fullmatch("".join(parts), "/" + "/".join([*_names_in(namespace), node])) is not None


def load_parameters(path: str | Path, node: str | None = None, namespace: str | None = None) -> dict[str, Any]:
    """Parameters of a ROS 2 parameter file for a node, flattened; a plain mapping works too.

    Later blocks win over earlier ones, and every block over `/**`. Without `node` only `/**` holds; without `namespace`, blocks
    of every namespace. Raises InputError with the file's name.
    """
    blocks = parameter_blocks(path)
    merged: dict[str, Any] = {}
    for block in sorted(blocks, key=lambda one: not one.is_for_all):
        if block.is_for_all or (node is not None and block.matches(node, namespace)):
            merged |= block.parameters
    return merged


def parameter_blocks(path: str | Path) -> list[ParameterBlock]:
    """All blocks of a ROS 2 parameter file; a plain mapping is one for all nodes. Raises InputError with the file's name."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no parameter file at {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: need a mapping at the top level")
    return list(_blocks_in(content, "")) or [ParameterBlock("/**", flatten(content))]


def _blocks_in(content: dict[str, Any], above: str) -> Iterator[ParameterBlock]:
    """Blocks may lie below their namespace: `robot: fusion: ros__parameters:` is that of `/robot/fusion`."""
    for key, value in content.items():
        if not isinstance(value, dict):
            continue
        name = f"{above}/{str(key).lstrip('/')}" if above or str(key).startswith("/") else str(key)
        if "ros__parameters" in value:
            yield ParameterBlock(name, flatten(value["ros__parameters"] or {}))
        else:
            yield from _blocks_in(value, name if name.startswith("/") else f"/{name}")


def _names_in(name: str) -> list[str]:
    return [part for part in name.split("/") if part]
