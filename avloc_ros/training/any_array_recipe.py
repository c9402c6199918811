"""From a folder of speech and sounds to the weights of the any-array tracker: rooms, mixtures, training, threshold, files."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from avloc_ros.config import setting, shipped_folder
from avloc_ros.datasets.any_array_mix import MixDraws, Mixer
from avloc_ros.datasets.held_out import recording_of, shares, talker_of
from avloc_ros.datasets.room_bank import RoomResponses, load_bank, make_bank
from avloc_ros.datasets.sounds import SoundLibrary
from avloc_ros.geometry import MicrophoneArray
from avloc_ros.models.any_array import AnyArrayNetworkConfig
from avloc_ros.simulation.kit import SOUND_SUFFIXES
from avloc_ros.simulation.measured_rooms import share_of_split
from avloc_ros.training.any_array import AnyArrayModule, Examples
from avloc_ros.training.any_array_export import write_any_array
from avloc_ros.training.any_array_scores import CHOICE, score_cells
from avloc_ros.training.cards import Provenance
from avloc_ros.training.trainer import OptimizerConfig, RunOptions, fit, is_first_process
from avloc_ros.types import InputError


@dataclass(frozen=True)
class AnyArrayGpuConfig:
    """What is different where all is made and learnt on a GPU."""

    rooms: int = setting(3000, "simulated rooms; each step makes one until they are all there", low=1, high=1000000)
    first_rooms: int = setting(300, "of them before the first step", low=1, high=1000000)
    validation_rooms: int = setting(64, "other rooms, with other talkers, that choose the weights", low=1, high=100000)
    examples: int = setting(64, "examples of one step", low=1, high=4096)
    steps: int = setting(6000, "steps, unless most_minutes are over first", low=1, high=10000000)
    generated_sounds: int = setting(600, "generated sounds beside the recorded ones", low=1, high=1000000)
    processes: int = setting(8, "that make sounds ready before the first step", low=1, high=256)


@dataclass(frozen=True)
class AnyArrayRecipe:
    """Everything that makes the any-array networks."""

    name: str = setting("any_array", "name of the weights")
    rooms: int = setting(160, "simulated rooms, each with an array of its own", low=1, high=100000)
    validation_rooms: int = setting(24, "other rooms, with other talkers, that choose the threshold", low=1, high=10000)
    frames: int = setting(100, "frames of 40 ms in an example", low=20, high=2000)
    examples: int = setting(8, "examples of one step", low=1, high=1024)
    batches_per_epoch: int = setting(200, "steps between two validations", low=1, high=1000000)
    epochs: int = setting(8, "epochs", low=1, high=100000)
    pretrain_batches: int = setting(150, "first steps, in which only the listening network learns", low=0, high=1000000)
    validation_batches: int = setting(6, "batches of fixed examples that validate", low=1, high=1000)
    learning_rate: float = setting(2e-3, "the highest; it falls as a cosine", low=1e-6, high=1.0)
    most_minutes: float = setting(0.0, "training ends after this time, its rate having fallen; 0: no limit", low=0.0, high=1e6)
    synthetic_voices: int = setting(120, "utterances of espeak-ng beside the recorded ones", low=0, high=100000)
    seed_of_rooms: int = setting(1, "rooms of another seed are other rooms", low=0, high=2**31 - 1)
    gpu: AnyArrayGpuConfig = field(default_factory=AnyArrayGpuConfig)
    network: AnyArrayNetworkConfig = field(default_factory=AnyArrayNetworkConfig)


@dataclass(frozen=True)
class Material:
    """Mixers of both parts, and how much they hold, for the card."""

    training: Mixer
    validation: Mixer
    facts: dict[str, Any]


def gather(
    recipe: AnyArrayRecipe, folder: Path, rooms_folder: Path, *, with_gpu: bool = False, draws: MixDraws | None = None
) -> Material:
    """Sounds below folder/speech, folder/events and folder/music, and room banks, made where they are not there yet.

    with_gpu: training rooms are made on the GPU later, and music is among the other sounds. draws: what mixtures hold.
    Raises InputError where there
    is no speech.
    """
    speech = _sounds(folder / "speech")
    if not speech:
        raise InputError(f"no speech files in {folder / 'speech'}: need {', '.join(SOUND_SUFFIXES)}, named SPEAKER-*.*")
    voices, other_voices = shares(speech, talker_of)
    events, music = _sounds(folder / "events"), _sounds(folder / "music")
    tested = set(share_of_split(events + music, "test"))
    sounds, other_sounds = shares(events, recording_of, [path for path in events if path in tested])
    if with_gpu:
        sounds = sounds + [path for path in music if path not in tested]
    validation_rooms = _bank(rooms_folder, recipe.seed_of_rooms + 1, recipe.validation_rooms)
    rooms = [] if with_gpu else _bank(rooms_folder, recipe.seed_of_rooms, recipe.rooms)
    training = Mixer(SoundLibrary(voices, sounds, recipe.synthetic_voices, 0), rooms, recipe.frames, draws)
    validation = Mixer(SoundLibrary(other_voices, other_sounds, 0, 1), validation_rooms, recipe.frames, draws)
    count = recipe.gpu.rooms if with_gpu else len(rooms)
    facts = {
        "training": {"rooms": count, "speech_files": len(voices), "sound_files": len(sounds)},
        "validation": {"rooms": len(validation_rooms), "speech_files": len(other_voices), "sound_files": len(other_sounds)},
        "synthetic_voices": recipe.synthetic_voices,
        "rooms": "simulated rectangular rooms: image sources and a diffuse tail; no measured response",
        "held_out": "every third talker and sound (the test split of avloc simulate), and every fourth (benchmarks)",
    }
    return Material(training, validation, facts)


def train_any_array(
    recipe: AnyArrayRecipe, material: Material, options: RunOptions, provenance: Provenance
) -> Path | None:
    """Train, choose the threshold on validation mixtures, and write both networks with their cards; their folder."""
    torch.manual_seed(options.seed)
    steps = recipe.epochs * recipe.batches_per_epoch
    module = AnyArrayModule(
        recipe.network,
        material.training,
        material.validation,
        steps=steps,
        pretrain_steps=recipe.pretrain_batches,
        rate=recipe.learning_rate,
        most_minutes=recipe.most_minutes,
    )
    validation = list(Examples(material.validation, recipe.examples, 7, recipe.validation_batches))
    started = time.perf_counter()
    fit(
        module,
        DataLoader(
            Examples(material.training, recipe.examples, options.seed, recipe.batches_per_epoch),
            batch_size=None,
            num_workers=1,
            prefetch_factor=3,
        ),
        DataLoader(validation, batch_size=None),  # type: ignore[arg-type]
        OptimizerConfig(recipe.learning_rate, recipe.examples, recipe.epochs, patience=recipe.epochs, gradient_clip=5.0),
        options,
    )
    if not is_first_process():
        return None
    return finish_any_array(recipe, module, material, options, provenance, time.perf_counter() - started)


def finish_any_array(
    recipe: AnyArrayRecipe,
    module: AnyArrayModule,
    material: Material,
    options: RunOptions,
    provenance: Provenance,
    seconds: float,
) -> Path:
    """Score a trained module on validation mixtures and write its files."""
    rng = np.random.default_rng(11)
    scores = score_cells(module.cpu().eval(), [material.validation.example(rng) for _ in range(40)])
    card = {
        "threshold": scores.threshold,
        "threshold_choice": CHOICE,
        "metrics": {"validation": scores.facts()},
        "training": {"seconds": round(seconds, 1), "steps": module.global_step or None},
    }
    return write_any_array(options.out, module.listening, module.sphere, recipe.network, card, provenance)


def shipped_arrays() -> list[MicrophoneArray]:
    """The geometries that the package brings."""
    return [MicrophoneArray.load(path) for path in sorted((shipped_folder() / "config" / "arrays").glob("*.yaml"))]


def _bank(folder: Path, seed: int, count: int) -> list[RoomResponses]:
    path = folder / f"rooms_{seed}_{count}.npz"
    if not path.is_file():
        make_bank(path, seed, count, shipped_arrays())
    return load_bank(path)


def _sounds(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in SOUND_SUFFIXES) if folder.is_dir() else []
