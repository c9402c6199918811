"""Trains models.sound_events.direction_query on a stock of scenes: every question has an answer of its own.

From nothing, or from a query that knows other classes already: then all of it but the last layer is gone on with.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.decode.asked_paths import AskedPathsConfig
from avloc_ros.decode.direction_paths import PathsConfig
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.features.directions.flow_map import FlowMapConfig
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig
from avloc_ros.models.sound_events.direction_query import DirectionQuery, DirectionQueryConfig
from avloc_ros.runtime.weights import find_weights, shipped_weights
from avloc_ros.systems.asked_paths import SHIPPED, SYSTEM
from avloc_ros.systems.event_network import FRAME_S
from avloc_ros.training.sound_events.bank_batches import Batch
from avloc_ros.training.sound_events.bank_loop import SMALLEST_DEVIATION, BankRun, BankTime, train_on_bank
from avloc_ros.training.sound_events.batched_features import BatchedStft
from avloc_ros.training.sound_events.onnx_weights import torch_weights, unfold_norms
from avloc_ros.training.sound_events.query_draws import ELSEWHERE, drawn_questions
from avloc_ros.training.sound_events.scene_stock import SceneStock
from avloc_ros.types import InputError

SCALER_BATCHES = 4
LAST_LAYER = "out.2."


@dataclass(frozen=True)
class DirectionQueryRecipe:
    """Every number of a training, and of how its network is asked."""

    name: str = setting("direction_query", "name of the weights")
    features: FoaFeatureConfig = field(
        default_factory=lambda: FoaFeatureConfig(fft_length=1024, window_length=960, hop_length=480, mel_bands=64)
    )
    network: DirectionQueryConfig = field(default_factory=DirectionQueryConfig)
    chunks: ChunkConfig = field(
        default_factory=lambda: ChunkConfig(chunk_s=5.0, swaps="rotations", lowest_gain=0.3, highest_gain=1.6)
    )
    start: str = setting("", "query to go on from, for other classes: a shipped one by name or an .onnx file; empty: none")
    batch_size: int = setting(48, "chunks of a step, three questions about events and some others each", low=1, high=65536)
    elsewhere: int = setting(3, "of the other questions about a chunk, which are beside, mirrored and anywhere", low=1, high=3)
    learning_rate: float = setting(1.5e-3, "of Adam", low=1e-7, high=1.0)
    minutes: float = setting(8.0, "how long `avloc train` learns, of the processor's time on a CPU", low=0.01, high=1e6)
    map: FlowMapConfig = field(default_factory=FlowMapConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    asked: AskedPathsConfig = field(default_factory=AskedPathsConfig)

    @property
    def analysis_frames(self) -> int:
        """Of one label frame."""
        return round(FRAME_S * self.features.sample_rate_hz / self.features.hop_length)


def make_query(recipe: DirectionQueryRecipe, classes: int = len(STARSS_CLASSES)) -> DirectionQuery:
    """A network that has learnt nothing of its classes; below its last layer what `start` has learnt of others."""
    network = DirectionQuery(recipe.network, recipe.features, classes, recipe.analysis_frames)
    if recipe.start:
        weights = find_weights(str(shipped_weights().get(recipe.start, recipe.start)), SHIPPED, SYSTEM)
        known = DirectionQuery(recipe.network, recipe.features, len(weights.card["classes"]), recipe.analysis_frames)
        own = {name for name in network.state_dict() if name.startswith(LAST_LAYER)}
        kept = {name: value for name, value in torch_weights(weights.path, known).items() if name not in own}
        try:
            network.load_state_dict(kept, strict=False)
        except RuntimeError as error:
            raise InputError(f"start: {weights.path} is a network of other sizes than the recipe's: {error}") from error
    return network


def train_direction_query(
    recipe: DirectionQueryRecipe,
    stock: SceneStock,
    held_out: SceneStock,
    out: Path,
    plan: BankTime,
    seed: int,
    tell: Callable[[str], None] = print,
    classes: int = len(STARSS_CLASSES),
) -> BankRun:
    """Leaves query.best.pt (smallest validation loss), query.last.pt and recipe.yaml."""
    content = {"recipe": SYSTEM} | to_mapping(recipe)
    (out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    device, foa, batch_size = stock.device, recipe.features, recipe.batch_size
    in_16_bits = is_fast_in_16_bits(device)
    network = make_query(recipe, classes).to(device)
    stft = BatchedStft(foa.fft_length, foa.window_length, foa.hop_length).to(device)
    chance = torch.Generator(device).manual_seed(seed)

    def spectra(batch: Batch) -> Tensor:
        found = stft(batch["samples"])
        return torch.cat([found.real, found.imag], 1)

    def loss_of(batch: Batch) -> Tensor:
        with torch.no_grad():
            evidence = network.evidence(spectra(batch), batch["asked"], batch["rivals"])
        with torch.autocast(device.type, torch.bfloat16, enabled=in_16_bits):
            logits = network.of_evidence(evidence)
        losses = binary_cross_entropy_with_logits(logits.float(), batch["heard"], reduction="none")
        return (losses * batch["counts"]).sum() / batch["counts"].sum()

    batches = asked(stock.training(batch_size, seed), classes, chance, recipe.elsewhere)
    first = itertools.islice(batches, SCALER_BATCHES)
    _settle(network, [network.evidence(spectra(batch), batch["asked"], batch["rivals"]) for batch in first], bool(recipe.start))
    kept = list(asked(iter(held_out.side_by_side(batch_size)), classes, torch.Generator(device).manual_seed(0)))
    return train_on_bank(network, loss_of, batches, kept, out, "query", plan, tell)


def is_fast_in_16_bits(device: torch.device) -> bool:
    """Whether products of bfloat16 are faster than of float32 there: on a GPU, and on a CPU that has tiles for them (AMX)."""
    told: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)  # not there in older versions
    return device.type == "cuda" or bool(told().get("amx_bf16", False))


@torch.no_grad()
def _settle(network: DirectionQuery, evidence: list[Tensor], knows: bool) -> None:
    """Give a new network the scaler of some evidence, one that knows something norms of its own for it."""
    if knows:
        unfold_norms(network.eval(), lambda: network.of_evidence(torch.cat(evidence)))
        return
    values = torch.cat(evidence).permute(2, 0, 1, 3, 4).flatten(1, 3)  # (channels, n, bands)
    network.set_scaler(values.mean(1), values.std(1).clamp_min(SMALLEST_DEVIATION))


def asked(
    batches: Iterator[Batch], classes: int, chance: torch.Generator, elsewhere: int = ELSEWHERE
) -> Iterator[Batch]:
    """Batches with questions in place of their events."""
    for batch in batches:
        yield drawn_questions(batch, classes, chance, elsewhere)
