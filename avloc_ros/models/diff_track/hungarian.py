"""The Hungarian network: a differentiable stand-in for optimal assignment (Adavanne, Politis and Virtanen 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.types import InputError

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
FAR = 10.0  # distance of an empty slot to everything; two unit vectors are at most 2 apart


@dataclass(frozen=True)
class HungarianNetworkConfig:
    """Size of the network."""

    slots: int = setting(2, "references and predictions it can take, each", low=2, high=5)
    hidden: int = setting(128, "width of the recurrent layer and of the attention", low=8, high=1024)
    two_way: bool = setting(
        False,
        "beyond the paper: rows are read from both ends, each way in half the width, and attention adds to what was read",
    )

    reduced: bool = setting(
        False,
        "beyond the paper: rows also hold how much farther each entry is than the nearest of its row and of its column",
    )

    def __post_init__(self) -> None:
        if self.two_way and self.hidden % 2:
            raise InputError(f"hidden is {self.hidden}: with two_way it must be even")


class Associations(NamedTuple):
    """Logits. matrix (batch, references, predictions); of_reference (batch, references): whether it has a partner;
    of_prediction (batch, predictions)."""

    matrix: Tensor
    of_reference: Tensor
    of_prediction: Tensor


class HungarianNetwork(nn.Module):
    """Distances between references and predictions in, association logits out.

    Rows of the matrix are read as a sequence by a GRU; bias-free one-head self-attention lets every row see the others;
    tanh; one linear layer gives each row's logits. Its row and column maxima are outputs, too. In the paper a row hears of
    later rows, and of its own numbers, through attention alone, which it learns slowly: `two_way` spares it that. `reduced`
    gives it the first step of Kuhn's method: what is left of the matrix when the least of each row, of each column is taken away.
    """

    def __init__(self, config: HungarianNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or HungarianNetworkConfig()
        hidden, two_way = self.config.hidden, self.config.two_way
        width = hidden // 2 if two_way else hidden
        read = self.config.slots * (3 if self.config.reduced else 1)
        self.recurrent = nn.GRU(read, width, batch_first=True, bidirectional=two_way)
        self.query, self.key, self.value, self.mixed = (nn.Linear(hidden, hidden, bias=False) for _ in range(4))
        self.output = nn.Linear(hidden, self.config.slots)

    def forward(self, distances: Tensor) -> Associations:
        """distances (batch, slots, slots), [reference][prediction]; a slot without anybody is FAR from everything."""
        if self.config.reduced:
            of_row, of_column = distances.amin(2, keepdim=True), distances.amin(1, keepdim=True)
            distances = torch.cat([distances, distances - of_row, distances - of_column], dim=2)
        rows, _ = self.recurrent(distances)  # (batch, references, hidden)
        scores = self.query(rows) @ self.key(rows).transpose(1, 2)  # (batch, references, references)
        attention = torch.softmax(scores / self.config.hidden**0.5, dim=-1)
        gathered = self.mixed(attention @ self.value(rows))  # (batch, references, hidden)
        matrix = self.output(torch.tanh(gathered + rows if self.config.two_way else gathered))
        return Associations(matrix, matrix.amax(dim=2), matrix.amax(dim=1))


def load_hungarian(path: str | Path = "", slots: int = 2) -> HungarianNetwork:
    """A trained network from an .npz of its weights; an empty path takes the shipped one of `slots`.

    Raises InputError where there is no such file, or where it is for another number of slots.
    """
    file = Path(path) if path else WEIGHTS / f"diff_track_hungarian_{slots}x{slots}.npz"
    if not file.is_file():
        raise InputError(f"no weights of a Hungarian network at {file}: train one with slots: {slots}")
    with np.load(file) as content:
        weights = {name: torch.from_numpy(content[name].astype(np.float32)) for name in content.files}
    try:
        outputs, hidden = weights["output.weight"].shape
    except (KeyError, ValueError) as error:
        raise InputError(f"{file} holds no Hungarian network: {error} is missing") from error
    if outputs != slots:
        raise InputError(f"{file} is for {outputs} x {outputs} slots, needed are {slots} x {slots}")
    two_way = any(name.endswith("_reverse") for name in weights)
    reduced = weights["recurrent.weight_ih_l0"].shape[1] == 3 * slots
    network = HungarianNetwork(HungarianNetworkConfig(slots, hidden, two_way, reduced))
    network.load_state_dict(weights)
    return network.eval()


def save_hungarian(network: HungarianNetwork, path: Path) -> None:
    """Write the weights as load_hungarian reads them, in float16: half the size, the same answers to four digits."""
    weights = {name: value.cpu().numpy().astype(np.float16) for name, value in network.state_dict().items()}
    np.savez_compressed(path, **weights)
