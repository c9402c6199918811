"""Grows the any-array networks: the shipped ones as torch networks again, and wider ones that answer as they do.

A wider layer holds copies of the units of the narrow one; what a unit sent to the next layer is shared out among its copies,
unevenly, so that they learn to differ (Chen, Goodfellow and Shlens 2016, Net2Net).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from avloc_ros.datasets.mixtures.any_array_batches import BatchMixer
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig, SphereNetwork
from avloc_ros.training.any_array.batched import AnyArrayNetworks

State = dict[str, Tensor]
GATES = 3  # of a GRU
QUIET = 0.1  # scale of the normalisation of layers that are added: nearly silent at first


def read_listening(path: Path, config: AnyArrayNetworkConfig) -> State:
    """Weights of a listening network from its ONNX file."""
    numbers = _initializers(path)
    products = _in_order(numbers, "MatMul")
    gru = _in_order(numbers, "GRU")
    state = {
        **{f"{name}.weight": product.T for name, product in zip(("enter", "masks", "voice", "embedding"), products, strict=True)},
        **{f"{name}.bias": numbers[f"network.{name}.bias"] for name in ("enter", "masks", "voice", "embedding")},
    }
    for layer in range(len(gru) // 3):
        weights, recurrent, bias = (part[0] for part in gru[3 * layer : 3 * layer + 3])
        half = GATES * config.hidden
        parts = {"weight_ih": weights, "weight_hh": recurrent, "bias_ih": bias[:half], "bias_hh": bias[half:]}
        for name, values in parts.items():
            update, reset, new = np.split(values, GATES)  # ONNX has the update gate first, torch the reset gate
            state[f"recurrent.{name}_l{layer}"] = np.concatenate([reset, update, new])
    return {name: torch.tensor(np.array(values, np.float32)) for name, values in state.items()}


def read_sphere(path: Path, config: AnyArrayNetworkConfig) -> State:
    """Weights of a sphere network from its ONNX file, whose normalisation was folded into the convolutions."""
    numbers, state = _initializers(path), SphereNetwork(config).state_dict()
    convolutions = _in_order(numbers, "Conv")
    for k, name in enumerate(_layers(config)):
        state[f"{name}.convolution.weight"] = torch.tensor(convolutions[2 * k])
        bias = torch.tensor(convolutions[2 * k + 1])
        state[f"{name}.normalisation.bias"] = bias
        state[f"{name}.normalisation.weight"] = torch.full_like(bias, math.sqrt(1 + 1e-5))
        state |= {f"{name}.film.{part}": torch.tensor(numbers[f"network.{name}.film.{part}"]) for part in ("weight", "bias")}
    for name in ("digest.0.weight", "digest.0.bias", "out.weight", "out.bias"):
        state[name] = torch.tensor(numbers[f"network.{name}"])
    return state


def wider_listening(state: State, old: AnyArrayNetworkConfig, new: AnyArrayNetworkConfig, seed: int = 0) -> State:
    """The same function with more hidden units."""
    of, generator = torch.arange(new.hidden) % old.hidden, torch.Generator().manual_seed(seed)
    found = {"enter.weight": state["enter.weight"][of], "enter.bias": state["enter.bias"][of]}
    for layer in range(2):
        for name in ("weight_ih", "weight_hh"):
            gates = state[f"recurrent.{name}_l{layer}"].split(old.hidden)
            found[f"recurrent.{name}_l{layer}"] = _shared_out(torch.cat([gate[of] for gate in gates]), of, old.hidden, generator)
        for name in ("bias_ih", "bias_hh"):
            gates = state[f"recurrent.{name}_l{layer}"].split(old.hidden)
            found[f"recurrent.{name}_l{layer}"] = torch.cat([gate[of] for gate in gates])
    for name in ("masks", "voice", "embedding"):
        found[f"{name}.weight"] = _shared_out(state[f"{name}.weight"], of, old.hidden, generator)
        found[f"{name}.bias"] = state[f"{name}.bias"]
    return found


def wider_sphere(state: State, old: AnyArrayNetworkConfig, new: AnyArrayNetworkConfig, seed: int = 0) -> State:
    """The same function with more filters; layers beyond the old ones are new, and nearly silent."""
    of, generator = torch.arange(new.filters) % old.filters, torch.Generator().manual_seed(seed)
    found = {name: values.clone() for name, values in SphereNetwork(new).state_dict().items()}
    for name in _layers(old):
        convolution = state[f"{name}.convolution.weight"][of]
        found[f"{name}.convolution.weight"] = (
            convolution if name == "first" else _shared_out(convolution, of, old.filters, generator)
        )
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.normalisation.{part}"] = state[f"{name}.normalisation.{part}"][of]
        for part in ("weight", "bias"):  # scales, then shifts
            found[f"{name}.film.{part}"] = torch.cat([half[of] for half in state[f"{name}.film.{part}"].split(old.filters)])
    for name in _layers(new)[len(_layers(old)) :]:
        found[f"{name}.normalisation.weight"] = torch.full((new.filters,), QUIET)
        found[f"{name}.normalisation.bias"] = torch.full((new.filters,), -QUIET)
    found |= {name: state[name] for name in ("digest.0.weight", "digest.0.bias", "out.bias")}
    found["out.weight"] = _shared_out(state["out.weight"], of, old.filters, generator)
    return found


@torch.no_grad()
def calibrate(networks: AnyArrayNetworks, mixer: BatchMixer, old_layers: int, batches: int = 12, seed: int = 3) -> None:
    """Give normalisation the statistics of batches, in place, without changing what the first `old_layers` layers answer.

    Weights that were folded know no statistics; in training, normalisation goes by those of the batch.
    """
    networks.eval()
    sums: dict[str, list[Tensor]] = {}
    hooks = []
    for name, module in networks.sphere.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(lambda _, args, name=name: sums.setdefault(name, []).append(
                torch.stack([args[0].mean((0, 2, 3)), args[0].square().mean((0, 2, 3))])
            )))  # fmt: skip
    rng, generator = np.random.default_rng(seed), torch.Generator(mixer.rooms.device).manual_seed(seed)
    for _ in range(batches):
        batch = mixer.batch(rng, generator)
        masks, _, embedding = networks.listen(batch)
        networks.look(batch, masks, embedding, torch.arange(20, mixer.frames, 8, device=mixer.rooms.device))
    for hook in hooks:
        hook.remove()
    for layer, (name, moments) in enumerate(sums.items()):
        module = networks.sphere.get_submodule(name)
        assert isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None
        mean, square = torch.stack(moments).mean(0)
        variance = square - mean.square()
        if layer < old_layers:
            scale = module.weight / (module.running_var + module.eps).sqrt()
            module.bias.add_((mean - module.running_mean) * scale)
            module.weight.copy_(scale * (variance + module.eps).sqrt())
        module.running_mean.copy_(mean)
        module.running_var.copy_(variance)


def _shared_out(weights: Tensor, of: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """weights (out, count, ..) -> (out, len(of), ..): each column's copies add up to it, in shares drawn at random."""
    share = 0.5 + torch.rand(len(weights), len(of), generator=generator)
    total = torch.zeros(len(weights), count).index_add_(1, of, share)
    share = share / total[:, of]
    return weights[:, of] * share.reshape(share.shape + (1,) * (weights.ndim - 2))


def _layers(config: AnyArrayNetworkConfig) -> list[str]:
    return ["first", *(f"body.{k}" for k in range(len(config.dilations)))]


def _initializers(path: Path) -> dict[str, np.ndarray]:
    """Numbers by name, without the ending that says how they are stored."""
    stored = onnx.load(str(path)).graph.initializer
    return {item.name.removesuffix("_float16"): numpy_helper.to_array(item).astype(np.float32) for item in stored}


def _in_order(numbers: dict[str, np.ndarray], operation: str) -> list[np.ndarray]:
    """Those that the exporter named by an operation and a running number."""
    names = [name for name in numbers if f"::{operation}_" in name]
    return [numbers[name] for name in sorted(names, key=lambda name: int(name.rsplit("_", 1)[1]))]
