"""From a trained torch network to an ONNX file that gives the same answer."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.onnx_graph import import_onnx

OPSET = 17
SMALLEST_TENSOR = 64  # numbers; smaller tensors stay float32


def export_onnx(
    network: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], free: Mapping[str, Mapping[int, str]]
) -> bytes:
    """The network as ONNX, evaluating. inputs: an example of each, in the order of forward; free: dimensions by name."""
    buffer = io.BytesIO()
    network = network.cpu().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes on tracing
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            buffer,  # type: ignore[arg-type]  # the exporter without dynamo writes to a stream too
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in free.items()},
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def stored_as_float16(model: bytes) -> bytes:
    """The same model with its weights stored in float16 and cast back when it is loaded: half the size, same speed."""
    onnx = import_onnx()
    proto = onnx.load_from_string(model)
    graph = proto.graph
    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST_TENSOR:
            continue
        name = tensor.name
        half = np.clip(values, -65504, 65504).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_float16"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_float16"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def constants_once(model: bytes) -> bytes:
    """The same model with each constant held once: the exporter writes one that is used often as often."""
    onnx = import_onnx()
    proto = onnx.load_from_string(model)
    first: dict[bytes, str] = {}
    other: dict[str, str] = {}
    nodes = []
    for node in proto.graph.node:
        if node.op_type == "Constant":
            content = b"".join(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
            name = first.setdefault(content, node.output[0])
            if name != node.output[0]:
                other[node.output[0]] = name
                continue
        nodes.append(node)
    for node in nodes:
        node.input[:] = [other.get(name, name) for name in node.input]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


@torch.no_grad()
def largest_difference(network: nn.Module, model: bytes, inputs: Mapping[str, Tensor]) -> float:
    """Largest difference between what torch and onnxruntime say to the same inputs, over all outputs."""
    expected = network.cpu().eval()(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = OnnxEngine(model, "cpu").run({name: value.numpy() for name, value in inputs.items()})
    return max(
        float(np.abs(torch_value.numpy() - value).max())
        for torch_value, value in zip(expected, found.values(), strict=True)
    )
