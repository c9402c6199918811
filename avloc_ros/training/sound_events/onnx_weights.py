"""A trained network that ships as ONNX becomes a torch network again, to be trained further."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.runtime.onnx_graph import import_onnx
from avloc_ros.types import InputError


def torch_weights(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """The state dict of a network like `network` from the ONNX file that it was exported to; numbers may lie there in 16 bits.

    Convolutions and GRUs are taken in their order, all else by name. The exporter folds each BatchNorm into the convolution
    before it: here it passes through what the convolution holds, and adds the bias where that has none. Raises InputError
    where the file's network has other parts.
    """
    onnx = import_onnx()
    graph = onnx.load(str(path)).graph
    values = {
        item.name.removesuffix("_float16"): onnx.numpy_helper.to_array(item).astype(np.float32) for item in graph.initializer
    }
    found = {name: torch.from_numpy(values[name].copy()) for name in network.state_dict() if name in values}
    try:
        found |= _convolutions(graph, values, network) | _gated_units(graph, values, network)
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} holds no {type(network).__name__}: {error}") from error
    names = {name for name, _ in network.named_modules()}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in values:
            place = node.output[0].split("/MatMul")[0].strip("/").split("/")
            whole = ".".join(place)
            name = whole if whole in names else place[-1]  # of a layer of a Sequential the last part is the whole name
            found[f"{name}.weight"] = torch.from_numpy(values[node.input[1]].T.copy())
    return network.state_dict() | found


def _convolutions(graph: Any, values: dict[str, np.ndarray], network: nn.Module) -> dict[str, Tensor]:
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    modules = list(network.named_modules())
    own = [(name, module) for name, module in modules if isinstance(module, nn.Conv2d)]
    norms = [(name, module) for name, module in modules if isinstance(module, nn.BatchNorm2d)]
    found: dict[str, Tensor] = {}
    for node, (name, convolution), (norm_name, norm) in zip(nodes, own, norms, strict=True):
        weight, bias = (torch.from_numpy(values[key].copy()) for key in node.input[1:3])
        zeros, ones = torch.zeros_like(bias), torch.ones_like(bias)
        found[f"{name}.weight"] = weight
        if convolution.bias is not None:
            found[f"{name}.bias"] = bias
        found[f"{norm_name}.bias"] = zeros if convolution.bias is not None else bias
        found |= {f"{norm_name}.running_mean": zeros, f"{norm_name}.running_var": ones}
        found[f"{norm_name}.weight"] = (ones + norm.eps).sqrt()
    return found


def _gated_units(graph: Any, values: dict[str, np.ndarray], network: nn.Module) -> dict[str, Tensor]:
    nodes = [node for node in graph.node if node.op_type == "GRU"]
    stacks = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.GRU)]
    layers = [(name, layer) for name, stack in stacks for layer in range(stack.num_layers)]
    found: dict[str, Tensor] = {}
    for node, (name, layer) in zip(nodes, layers, strict=True):
        for direction, end in enumerate(("", "_reverse")):
            inner, outer, both = (values[key][direction] for key in node.input[1:4])
            parts = (inner, outer, *np.split(both, 2))
            for kind, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), parts, strict=True):
                update, reset, new = np.split(value, 3)  # ONNX puts the update gate first, torch the reset gate
                found[f"{name}.{kind}_l{layer}{end}"] = torch.from_numpy(np.concatenate([reset, update, new]))
    return found


@torch.no_grad()
def unfold_norms(network: nn.Module, run: Callable[[], object]) -> None:
    """Give each BatchNorm of an evaluating network the mean and deviation of what passes it in `run()`, as its weights too.

    Then it says the same as before, and in training, where it takes those of the batch, about the same.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    passed: dict[nn.Module, Tensor] = {}
    handles = [norm.register_forward_hook(lambda module, inputs, _: passed.__setitem__(module, inputs[0])) for norm in norms]
    run()
    for handle in handles:
        handle.remove()
    for norm in norms:
        values = passed[norm]
        mean, variance = values.mean((0, 2, 3)), values.var((0, 2, 3), unbiased=False)
        scale = norm.weight / (norm.get_buffer("running_var") + norm.eps).sqrt()
        shift = norm.bias - norm.get_buffer("running_mean") * scale
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)
        norm.weight.copy_(scale * (variance + norm.eps).sqrt())
        norm.bias.copy_(shift + mean * scale)
