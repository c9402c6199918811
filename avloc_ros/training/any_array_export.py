"""The trained any-array networks as ONNX files, with the probabilities of their outputs inside."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from avloc_ros.features.any_array_layout import BANDS, COLS, MAP_ROWS, MAPS
from avloc_ros.models.any_array import FACTS, AnyArrayNetworkConfig, ListeningNetwork, SphereNetwork


class _Listen(nn.Module):
    """The listening network with a probability of voice instead of a logit."""

    def __init__(self, network: ListeningNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, levels: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        masks, voice, embedding, state = self.network(levels, state)
        return masks, torch.sigmoid(voice), embedding, state


class _Look(nn.Module):
    """The sphere network with probabilities instead of logits."""

    def __init__(self, network: SphereNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor, facts: Tensor) -> Tensor:
        return torch.sigmoid(self.network(maps, facts))


def export_any_array(
    listening: ListeningNetwork, sphere: SphereNetwork, config: AnyArrayNetworkConfig, listen: Path, look: Path
) -> None:
    """Write both networks; hops of the one and windows of the other are free dimensions."""
    listen.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        _Listen(listening).eval(),
        (torch.zeros(1, 4, BANDS), torch.zeros(2, 1, config.hidden)),
        str(listen),
        input_names=["levels", "state"],
        output_names=["masks", "voice", "embedding", "next_state"],
        dynamic_axes={"levels": {1: "hops"}, "masks": {1: "hops"}, "voice": {1: "hops"}, "embedding": {1: "hops"}},
        opset_version=17,
        dynamo=False,
    )
    torch.onnx.export(
        _Look(sphere).eval(),
        (torch.zeros(2, len(MAPS), MAP_ROWS, COLS), torch.zeros(2, config.embedding + FACTS)),
        str(look),
        input_names=["maps", "facts"],
        output_names=["probability"],
        dynamic_axes={"maps": {0: "windows"}, "facts": {0: "windows"}, "probability": {0: "windows"}},
        opset_version=17,
        dynamo=False,
    )
