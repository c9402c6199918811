"""Darknet networks (YOLOv3, the paper's "YOLOFace"): reads .cfg and .weights and writes the same network as ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.models.faces.darknet_graph import DarknetGraph
from avloc_ros.types import InputError

LAYERS = ("convolutional", "shortcut", "route", "upsample", "maxpool", "yolo")
HEADER_INTS = 3  # major, minor, revision; then the number of pictures seen


@dataclass(frozen=True)
class Section:
    """One [section] of a cfg file: its name and settings, as text."""

    name: str
    values: dict[str, str]
    line: int

    def number(self, key: str, default: float) -> float:
        try:
            return float(self.values.get(key, default))
        except ValueError as error:
            raise InputError(
                f"[{self.name}] at line {self.line}: {key}={self.values[key]!r} is no number"
            ) from error

    def integer(self, key: str, default: int) -> int:
        return int(self.number(key, default))

    def integers(self, key: str) -> list[int]:
        try:
            return [int(item) for item in self.values.get(key, "").split(",") if item.strip()]
        except ValueError as error:
            raise InputError(
                f"[{self.name}] at line {self.line}: {key}={self.values[key]!r}: need integers"
            ) from error


class Weights:
    """The numbers of a .weights file, in the order in which the layers take them."""

    def __init__(self, content: bytes) -> None:
        if len(content) < 4 * (HEADER_INTS + 1):
            raise InputError("the .weights file is empty or cut off: copy it again")
        major, minor, _ = np.frombuffer(content, np.int32, HEADER_INTS)
        seen_bytes = 8 if major * 10 + minor >= 2 else 4
        self._numbers = np.frombuffer(content[4 * HEADER_INTS + seen_bytes :], np.float32)
        self._taken = 0

    def take(self, count: int, where: str) -> np.ndarray:
        """The next numbers. Raises InputError where the file ends before."""
        if self._taken + count > len(self._numbers):
            raise InputError(f"the .weights file ends at {where}: it belongs to another .cfg, or is cut off")
        self._taken += count
        return self._numbers[self._taken - count : self._taken]

    @property
    def left(self) -> int:
        return len(self._numbers) - self._taken


def read_cfg(text: str) -> list[Section]:
    """The sections of a cfg file in order. Raises InputError, with the line, on what is none."""
    sections: list[Section] = []
    for index, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#")[0].split(";")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            sections.append(Section(line[1:-1].strip(), {}, index))
        elif line:
            key, equals, value = line.partition("=")
            if not equals or not sections:
                raise InputError(
                    f"line {index} of the .cfg file: {raw.strip()!r} is neither [section] nor key=value"
                )
            sections[-1].values[key.strip()] = value.strip()
    if not sections or sections[0].name not in ("net", "network"):
        raise InputError("the .cfg file does not start with [net]: is it a Darknet file?")
    return sections


def darknet_to_onnx(cfg: str, weights: bytes, width: int = 0, height: int = 0) -> bytes:
    """An ONNX model with input picture (1, 3, height, width), RGB in [0, 1], and output table (1, n, 5 + classes).

    Rows: centre and size in pixels of the input, objectness, class probabilities; order: yolo layer, row, column,
    anchor. width, height: multiples of 32 instead of those of the cfg (0). Raises InputError on a layer that is not
    known, and on weights that do not fit.
    """
    net, *layers = read_cfg(cfg)
    width, height = width or net.integer("width", 416), height or net.integer("height", 416)
    numbers = Weights(weights)
    graph = DarknetGraph(width, height, net.integer("channels", 3))
    for index, layer in enumerate(layers):
        where = f"layer {index} [{layer.name}] (line {layer.line})"
        if layer.name not in LAYERS:
            raise InputError(f"{where} is not known: this reader has {', '.join(LAYERS)}")
        _add(graph, layer, numbers, where)
    if numbers.left:
        raise InputError(f"the .weights file has {numbers.left} numbers too many: it belongs to another .cfg")
    return graph.model()


def darknet_files(cfg: Path) -> tuple[str, bytes]:
    """Text of a .cfg and content of the .weights beside it, of the same stem. Raises InputError where one is missing."""
    weights = cfg.with_suffix(".weights")
    if not weights.is_file():
        raise InputError(
            f"no weights at {weights}: put the .weights file beside {cfg.name}, with the same name"
        )
    return cfg.read_text(encoding="utf-8"), weights.read_bytes()


def _add(graph: DarknetGraph, layer: Section, numbers: Weights, where: str) -> None:
    if layer.name == "convolutional":
        _add_convolution(graph, layer, numbers, where)
    elif layer.name == "shortcut":
        graph.shortcut(layer.integers("from"), layer.values.get("activation", "linear"))
    elif layer.name == "route":
        graph.route(layer.integers("layers"), layer.integer("groups", 1), layer.integer("group_id", 0))
    elif layer.name == "upsample":
        graph.upsample(layer.integer("stride", 2))
    elif layer.name == "maxpool":
        size = layer.integer("size", 2)
        graph.maxpool(size, layer.integer("stride", 2), layer.integer("padding", size - 1))
    else:
        anchors = np.array(layer.integers("anchors"), np.float32).reshape(-1, 2)
        mask = layer.integers("mask") or list(range(len(anchors)))
        graph.yolo(anchors[mask], layer.integer("classes", 20), layer.number("scale_x_y", 1.0), where)


def _add_convolution(graph: DarknetGraph, layer: Section, numbers: Weights, where: str) -> None:
    filters, size = layer.integer("filters", 1), layer.integer("size", 1)
    groups, inputs = layer.integer("groups", 1), graph.channels
    if inputs % groups or filters % groups:
        raise InputError(f"{where}: {inputs} inputs and {filters} filters do not divide into {groups} groups")
    shift = numbers.take(filters, where)
    gain: np.ndarray = np.ones(filters, np.float32)
    if layer.integer("batch_normalize", 0):
        scale, mean, variance = (numbers.take(filters, where) for _ in range(3))
        gain = scale / np.sqrt(variance + 1e-6)
        shift = shift - mean * gain
    kernel = numbers.take(filters * inputs // groups * size * size, where).reshape(
        filters, inputs // groups, size, size
    )
    padding = size // 2 if layer.integer("pad", 0) else layer.integer("padding", 0)
    graph.convolution(
        kernel * gain[:, None, None, None],
        shift,
        layer.integer("stride", 1),
        padding,
        groups,
        layer.values.get("activation", "logistic"),
    )
