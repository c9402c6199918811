"""The trained any-array networks as ONNX files with cards; probabilities come out instead of logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from avloc_ros.features.inputs.any_array_layout import BANDS, COLS, MAP_ROWS, MAPS
from avloc_ros.models.any_array.networks import FACTS, AnyArrayNetworkConfig, ListeningNetwork, SphereNetwork
from avloc_ros.runtime.any_array_network import LISTEN, LOOK
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.onnx_export import export_onnx, largest_difference, stored_as_float16


class Listen(nn.Module):
    """The listening network with a probability of voice."""

    def __init__(self, network: ListeningNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, levels: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """masks, voice, embedding, next_state."""
        masks, voice, embedding, state = self.network(levels, state)
        return masks, torch.sigmoid(voice), embedding, state


class Look(nn.Module):
    """The sphere network with probabilities."""

    def __init__(self, network: SphereNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor, facts: Tensor) -> Tensor:
        """probability."""
        return torch.sigmoid(self.network(maps, facts))


def export_listen(network: ListeningNetwork, config: AnyArrayNetworkConfig) -> bytes:
    """The listening network; the numbers of rooms and of hops are free."""
    free: dict[str, dict[int, str]] = {
        name: {0: "rooms", 1: "hops"} for name in ("levels", "masks", "voice", "embedding")
    }
    free |= {"state": {1: "rooms"}, "next_state": {1: "rooms"}}
    outputs = ("masks", "voice", "embedding", "next_state")
    return export_onnx(Listen(network), listen_inputs(config), outputs, free)


def export_look(network: SphereNetwork, config: AnyArrayNetworkConfig) -> bytes:
    """The sphere network; the number of windows is free."""
    free = {name: {0: "windows"} for name in ("maps", "facts", "probability")}
    return export_onnx(Look(network), look_inputs(config), ("probability",), free)


def listen_inputs(config: AnyArrayNetworkConfig) -> dict[str, Tensor]:
    """Random inputs of the listening network, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    return {
        "levels": torch.randn(1, 4, BANDS, generator=generator),
        "state": torch.randn(2, 1, config.hidden, generator=generator) * 0.1,
    }


def look_inputs(config: AnyArrayNetworkConfig, windows: int = 2) -> dict[str, Tensor]:
    """Random inputs of the sphere network, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    return {
        "maps": torch.rand(windows, len(MAPS), MAP_ROWS, COLS, generator=generator) * 0.5,
        "facts": torch.randn(windows, config.embedding + FACTS, generator=generator) * 0.5,
    }


def write_any_array(
    folder: Path,
    listening: ListeningNetwork,
    sphere: SphereNetwork,
    config: AnyArrayNetworkConfig,
    card: dict[str, Any],
    provenance: Provenance,
) -> Path:
    """Write both networks, numbers stored in float16, each with a card; returns the folder."""
    parts = (
        (LISTEN, Listen(listening), export_listen(listening, config), listen_inputs(config)),
        (LOOK, Look(sphere), export_look(sphere, config), look_inputs(config)),
    )
    for name, network, full, inputs in parts:
        half = stored_as_float16(full)
        differences = {
            "fp32": largest_difference(network, full, inputs),
            "fp16": largest_difference(network, half, inputs),
        }
        own = card | {"name": name, "system": name, "largest_difference_to_torch": differences}
        write_weights(folder / f"{name}.onnx", half, own, provenance)
    return folder
