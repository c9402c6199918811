"""Changes to ONNX graphs that prepare them to run fast: a newer opset, names for nodes, BatchNorm folded away."""

from __future__ import annotations

from typing import Any

import numpy as np

from avloc_ros.types import InputError

OPSET = 13  # the first that knows quantization per channel


def import_onnx() -> Any:
    """The module onnx with the parts used here. Raises InputError where it is not installed."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
        import onnx.version_converter
    except ImportError as error:
        raise InputError(
            "preparing a face model needs the package onnx: pip install onnx"
        ) from error
    return onnx


def tidied(source: bytes) -> Any:
    """The model of an ONNX file with opset 13 or newer, named nodes, and BatchNorm folded into its convolutions."""
    onnx = import_onnx()
    model = onnx.load_from_string(source)
    if max(item.version for item in model.opset_import if item.domain in ("", "ai.onnx")) < OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
    _fold_batch_norms(model.graph, onnx)
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"
    return model


def _fold_batch_norms(graph: Any, onnx: Any) -> None:
    """Multiply each BatchNorm into the convolution before it: faster, and quantization then sees the true weights."""
    weights = {item.name: item for item in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    readers = [name for node in graph.node for name in node.input] + [item.name for item in graph.output]
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        before = makers.get(norm.input[0])
        if before is None or readers.count(norm.input[0]) != 1 or not set(norm.input[1:5]) <= set(weights):
            continue
        folded = _folded(before, norm, weights, onnx)
        if folded is None:
            continue
        names = [norm.output[0] + "_kernel", norm.output[0] + "_bias"]
        graph.initializer.extend(
            onnx.numpy_helper.from_array(array, name) for array, name in zip(folded, names, strict=True)
        )
        before.input[1:] = names
        before.output[0] = norm.output[0]
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    for item in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(item)
    # Old exporters list weights among the inputs, which keeps runtimes from treating them as constants.
    for item in [item for item in graph.input if item.name in weights]:
        graph.input.remove(item)


def _folded(
    before: Any, norm: Any, weights: dict[str, Any], onnx: Any
) -> tuple[np.ndarray, np.ndarray] | None:
    """Kernel and bias of a convolution with its BatchNorm, or None where the two do not fit."""
    as_array = onnx.numpy_helper.to_array
    if before.op_type not in ("Conv", "ConvTranspose") or before.input[1] not in weights:
        return None
    kernel = as_array(weights[before.input[1]])
    scale, shift, mean, variance = (as_array(weights[name]) for name in norm.input[1:5])
    epsilon = next((item.f for item in norm.attribute if item.name == "epsilon"), 1e-5)
    gain = scale / np.sqrt(variance + epsilon)
    outputs_axis = (
        0 if before.op_type == "Conv" else 1
    )  # of the kernel; a grouped ConvTranspose has them on both
    if kernel.shape[outputs_axis] != len(gain):
        return None
    shape = [1] * kernel.ndim
    shape[outputs_axis] = -1
    bias = as_array(weights[before.input[2]]) if len(before.input) > 2 else np.zeros_like(mean)
    return (kernel * gain.reshape(shape)).astype(kernel.dtype), (shift + (bias - mean) * gain).astype(
        kernel.dtype
    )
