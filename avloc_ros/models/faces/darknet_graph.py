"""Builds an ONNX graph layer by layer, with Darknet's rules for sizes and references."""

from __future__ import annotations

from typing import Any

import numpy as np

from avloc_ros.types import InputError

OPSET = 13
# Darknet's activation: the ONNX operators it is made of, with their attributes.
ACTIVATIONS: dict[str, tuple[str, dict[str, float]] | None] = {
    "linear": None,
    "leaky": ("LeakyRelu", {"alpha": 0.1}),
    "relu": ("Relu", {}),
    "logistic": ("Sigmoid", {}),
    "mish": ("mish", {}),
    "swish": ("swish", {}),
}


class DarknetGraph:
    """The layers so far: each appends its output, whose shape (channels, rows, columns) is known."""

    def __init__(self, width: int, height: int, channels: int) -> None:
        try:
            import onnx
            import onnx.checker
            import onnx.helper
            import onnx.numpy_helper
        except ImportError as error:
            raise InputError(
                "reading Darknet weights needs the package onnx: pip install onnx"
            ) from error
        self._onnx: Any = onnx
        self._width, self._height, self._picture_channels = width, height, channels
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._tables: list[str] = []
        self._row_width: int | None = None
        self._layers: list[str] = []  # output of each Darknet layer
        self._shapes: list[tuple[int, int, int]] = []
        self._last, self._shape = "picture", (channels, height, width)

    @property
    def channels(self) -> int:
        """Channels of the last layer's output."""
        return self._shape[0]

    def convolution(
        self, kernel: np.ndarray, bias: np.ndarray, stride: int, padding: int, groups: int, activation: str
    ) -> None:
        """kernel (filters, inputs / groups, size, size), bias (filters,)."""
        filters, _, size, _ = kernel.shape
        _, rows, cols = self._shape
        shape = (
            filters,
            (rows + 2 * padding - size) // stride + 1,
            (cols + 2 * padding - size) // stride + 1,
        )
        output = self._node(
            "Conv",
            [self._last, self._constant(kernel), self._constant(bias)],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[padding] * 4,
            group=groups,
        )
        self._done(self._activated(output, activation), shape)

    def shortcut(self, sources: list[int], activation: str) -> None:
        """Add outputs of earlier layers to the last one's."""
        output = self._last
        for source in sources:
            name, shape = self._layer(source)
            if shape != self._shape:
                raise InputError(
                    f"shortcut at layer {len(self._layers)}: shapes {shape} and {self._shape} differ"
                )
            output = self._node("Add", [output, name])
        self._done(self._activated(output, activation), self._shape)

    def route(self, sources: list[int], groups: int, group_id: int) -> None:
        """Put outputs of earlier layers behind one another, or take one of equal groups of their channels."""
        found = [self._layer(source) for source in sources]
        if not found or len({shape[1:] for _, shape in found}) != 1:
            raise InputError(
                f"route at layer {len(self._layers)}: sources {sources} are missing or differ in size"
            )
        parts = [self._group(name, shape[0], groups, group_id) for name, shape in found]
        channels = sum(shape[0] // groups for _, shape in found)
        self._done(
            parts[0] if len(parts) == 1 else self._node("Concat", parts, axis=1), (channels, *found[0][1][1:])
        )

    def upsample(self, factor: int) -> None:
        """Repeat each pixel `factor` times both ways."""
        channels, rows, cols = self._shape
        scales = self._constant(np.array([1, 1, factor, factor], np.float32))
        output = self._node(
            "Resize",
            [self._last, "", scales],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        self._done(output, (channels, rows * factor, cols * factor))

    def maxpool(self, size: int, stride: int, padding: int) -> None:
        """Maximum over windows; Darknet puts the odd pixel of padding to the right and below."""
        channels, rows, cols = self._shape
        before, after = padding // 2, padding - padding // 2
        output = self._node(
            "MaxPool",
            [self._last],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[before, before, after, after],
        )
        self._done(
            output, (channels, (rows + padding - size) // stride + 1, (cols + padding - size) // stride + 1)
        )

    def yolo(self, anchors_px: np.ndarray, classes: int, scale_xy: float, where: str) -> None:
        """Decode the last output: anchors (a, 2) as width and height in pixels (Redmon and Farhadi 2018, Fig. 2)."""
        channels, rows, cols = self._shape
        count, row_width = len(anchors_px), 5 + classes
        if channels != count * row_width:
            raise InputError(
                f"{where}: {count} anchors and {classes} classes need {count * row_width} channels, not {channels}"
            )
        if self._row_width not in (None, row_width):
            raise InputError(f"{where}: all yolo layers must have the same classes")
        self._row_width = row_width
        # (1, a * w, rows, cols) -> (1, rows, cols, a, w)
        split = self._node(
            "Reshape", [self._last, self._constant(np.array([1, count, row_width, rows, cols]))]
        )
        values = self._node("Transpose", [split], perm=[0, 3, 4, 1, 2])
        centres, sizes, scores = self._split_last(values, [2, 2, row_width - 4])
        stride = np.array([self._width / cols, self._height / rows], np.float32)
        corners = np.stack(np.meshgrid(np.arange(cols), np.arange(rows)), axis=-1)[
            :, :, None
        ]  # (rows, cols, 1, 2)
        shift = ((corners - (scale_xy - 1) / 2) * stride).astype(np.float32)
        inner = self._node("Mul", [self._node("Sigmoid", [centres]), self._constant(scale_xy * stride)])
        pixels = self._node("Add", [inner, self._constant(shift)])
        extents = self._node("Mul", [self._node("Exp", [sizes]), self._constant(anchors_px)])
        joined = self._node("Concat", [pixels, extents, self._node("Sigmoid", [scores])], axis=-1)
        self._tables.append(self._node("Reshape", [joined, self._constant(np.array([1, -1, row_width]))]))
        self._done(self._last, self._shape)

    def model(self) -> bytes:
        """The ONNX file. Raises InputError where no yolo layer was added."""
        if not self._tables:
            raise InputError("the .cfg file has no [yolo] layer: only YOLO detectors can be read")
        helper, number = self._onnx.helper, self._onnx.TensorProto.FLOAT
        self._nodes.append(helper.make_node("Concat", self._tables, ["table"], axis=1))
        graph = helper.make_graph(
            self._nodes,
            "darknet",
            [
                helper.make_tensor_value_info(
                    "picture", number, [1, self._picture_channels, self._height, self._width]
                )
            ],
            [helper.make_tensor_value_info("table", number, [1, None, self._row_width])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _done(self, output: str, shape: tuple[int, int, int]) -> None:
        self._layers.append(output)
        self._shapes.append(shape)
        self._last, self._shape = output, shape

    def _layer(self, index: int) -> tuple[str, tuple[int, int, int]]:
        absolute = index if index >= 0 else len(self._layers) + index
        if not 0 <= absolute < len(self._layers):
            raise InputError(
                f"layer {len(self._layers)} of the .cfg refers to layer {index}, which is not before it"
            )
        return self._layers[absolute], self._shapes[absolute]

    def _group(self, name: str, channels: int, groups: int, group_id: int) -> str:
        if groups == 1:
            return name
        size = channels // groups
        bounds = [self._constant(np.array([value])) for value in (group_id * size, (group_id + 1) * size, 1)]
        return self._node("Slice", [name, *bounds])

    def _activated(self, name: str, activation: str) -> str:
        if activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise InputError(
                f"layer {len(self._layers)} of the .cfg: activation '{activation}' is not known: {known}"
            )
        rule = ACTIVATIONS[activation]
        if rule is None:
            return name
        if activation == "mish":  # x tanh(log(1 + exp(x))), Misra 2019
            return self._node("Mul", [name, self._node("Tanh", [self._node("Softplus", [name])])])
        if activation == "swish":
            return self._node("Mul", [name, self._node("Sigmoid", [name])])
        return self._node(rule[0], [name], **rule[1])

    def _split_last(self, name: str, lengths: list[int]) -> list[str]:
        outputs = [f"v{len(self._nodes)}_{part}" for part in range(len(lengths))]
        sizes = self._constant(np.array(lengths))
        self._nodes.append(self._onnx.helper.make_node("Split", [name, sizes], outputs, axis=-1))
        return outputs

    def _constant(self, values: np.ndarray) -> str:
        name = f"c{len(self._constants)}"
        values = np.ascontiguousarray(values, np.int64 if values.dtype.kind == "i" else np.float32)
        self._constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def _node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        output = f"v{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output
