"""The any-array recipe where everything is made and learnt on a GPU: from recorded sounds to trained networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from avloc_ros.datasets.mixtures.any_array_batches import BatchMixer
from avloc_ros.datasets.mixtures.room_tensors import RoomTensors
from avloc_ros.datasets.mixtures.sound_tensors import Recorded, SoundTensors
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.weights import read_torch
from avloc_ros.sources.arrays import every_shipped_array
from avloc_ros.training.any_array.batched import AnyArrayNetworks, BatchedPlan, train_batched
from avloc_ros.training.any_array.material import Material
from avloc_ros.training.any_array.one_by_one import AnyArrayModule
from avloc_ros.training.any_array.recipe import AnyArrayRecipe, finish_any_array
from avloc_ros.training.cards import Provenance
from avloc_ros.training.trainer import RunOptions

PREPARING_SHARE = 0.08  # of a limited time, at most, for rooms before the first step


def train_any_array_on(
    device: torch.device, recipe: AnyArrayRecipe, material: Material, options: RunOptions, provenance: Provenance,
    report: Callable[[str], None],
) -> Path:  # fmt: skip
    """Train, choose the threshold on validation mixtures, and write both networks with their cards; their folder."""
    started = time.perf_counter()
    training, validation = (
        Recorded(mixer.library.voices, mixer.library.synthetic, mixer.library.others)
        for mixer in (material.training, material.validation)
    )
    best = learn(device, recipe, training, validation, every_shipped_array(), options.out / "checkpoints", options.seed, report)
    module = AnyArrayModule(
        recipe.network, material.validation, material.validation, steps=1, pretrain_steps=0, rate=recipe.learning_rate
    )
    module.load_state_dict(read_torch(best))
    return finish_any_array(recipe, module, material, options, provenance, time.perf_counter() - started)


def learn(
    device: torch.device, recipe: AnyArrayRecipe, training: Recorded, validation: Recorded, arrays: list[MicrophoneArray],
    out: Path, seed: int, report: Callable[[str], None], start: Path | None = None,
) -> Path:  # fmt: skip
    """The file of the best weights of a training on a device; start: weights to begin with.

    most_minutes of the recipe hold for all of it, rooms and sounds included.
    """
    torch.manual_seed(seed)
    began = time.monotonic()
    gpu, most_s = recipe.gpu, 60 * recipe.most_minutes
    sounds = SoundTensors(training, gpu.generated_sounds, seed, device, gpu.processes)
    other_sounds = SoundTensors(validation, max(1, gpu.generated_sounds // 10), seed + 1000, device)  # few: no processes
    report(f"{time.monotonic() - began:.1f} s: {len(sounds.first)} sounds, {len(sounds.samples) / 16000 / 60:.0f} minutes")
    rooms = RoomTensors(gpu.rooms, recipe.seed_of_rooms, arrays, device)
    other_rooms = RoomTensors(gpu.validation_rooms, recipe.seed_of_rooms + 1, arrays, device)
    for bank, wanted in ((other_rooms, gpu.validation_rooms), (rooms, min(gpu.rooms, gpu.first_rooms))):
        until = time.monotonic() + (most_s * PREPARING_SHARE or float("inf"))
        while bank.count < wanted and (time.monotonic() < until or bank.count < 2):
            bank.add()
    report(f"{time.monotonic() - began:.1f} s: {rooms.count} rooms and {other_rooms.count} to validate")
    mixer = BatchMixer(sounds, rooms, gpu.examples, recipe.frames)
    other_mixer = BatchMixer(other_sounds, other_rooms, gpu.examples, recipe.frames)
    networks = AnyArrayNetworks(recipe.network, mixer.frequencies_hz, recipe.frames)
    if start is not None:
        networks.load_state_dict(read_torch(start))
    plan = BatchedPlan(gpu.steps, 0.0, recipe.learning_rate, 0 if start is not None else recipe.pretrain_batches)
    if most_s:
        plan = replace(plan, most_seconds=max(1.0, most_s - (time.monotonic() - began)))
    return train_batched(networks.to(device), mixer, other_mixer, plan, out, seed, report)
