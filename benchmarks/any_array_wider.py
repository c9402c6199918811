"""How the shipped any_array networks came about: the ones before, made wider, learn on where there is a GPU.

usage: python benchmarks/any_array_wider.py KIT --out DIR --start FOLDER [--seconds 232] [--seed 1] [--device cuda]

KIT as for `avloc train any_array`; --start: the folder of the narrower networks (hidden 128, filters 32, five layers; those of
version control before these). Writes DIR/best.pt, last.pt and validation.csv, then both ONNX files with their cards.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from avloc_ros.config import to_mapping
from avloc_ros.datasets.mixtures.any_array_batches import BatchMixer
from avloc_ros.datasets.mixtures.room_tensors import RoomTensors
from avloc_ros.datasets.mixtures.sound_tensors import Recorded, SoundTensors
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig
from avloc_ros.runtime.any_array_network import LISTEN, LOOK
from avloc_ros.runtime.weights import read_torch
from avloc_ros.sources.arrays import every_shipped_array
from avloc_ros.training.any_array import widening
from avloc_ros.training.any_array.batched import AnyArrayNetworks
from avloc_ros.training.any_array.gpu import learn
from avloc_ros.training.any_array.material import Material, gather
from avloc_ros.training.any_array.one_by_one import AnyArrayModule
from avloc_ros.training.any_array.recipe import AnyArrayRecipe, finish_any_array
from avloc_ros.training.cards import Provenance
from avloc_ros.training.recipes import load_recipe
from avloc_ros.training.trainer import RunOptions

NARROW = AnyArrayNetworkConfig(hidden=128, filters=32, dilations=(1, 2, 4, 1, 2))
ROOMS_TO_CALIBRATE = 16


def begin(recipe: AnyArrayRecipe, material: Material, folder: Path, device: torch.device, out: Path) -> Path:
    """The file of the wider networks that answer as those in `folder`, ready to learn on."""
    sounds = SoundTensors(recorded(material.training), 60, 0, device)
    rooms = RoomTensors(ROOMS_TO_CALIBRATE, recipe.seed_of_rooms + 2, every_shipped_array(), device)
    while not rooms.full:
        rooms.add()
    mixer = BatchMixer(sounds, rooms, recipe.gpu.examples, recipe.frames)
    networks = AnyArrayNetworks(recipe.network, mixer.frequencies_hz, recipe.frames)
    listening = widening.read_listening(folder / f"{LISTEN}.onnx", NARROW)
    sphere = widening.read_sphere(folder / f"{LOOK}.onnx", NARROW)
    networks.listening.load_state_dict(widening.wider_listening(listening, NARROW, recipe.network))
    networks.sphere.load_state_dict(widening.wider_sphere(sphere, NARROW, recipe.network))
    networks.to(device)
    widening.calibrate(networks, mixer, 1 + len(NARROW.dilations))
    out.mkdir(parents=True, exist_ok=True)
    torch.save(networks.cpu().state_dict(), out / "start.pt")
    return out / "start.pt"


def recorded(mixer: object) -> Recorded:
    """The sounds of one part of the material."""
    library = mixer.library  # type: ignore[attr-defined]
    return Recorded(library.voices, library.synthetic, library.others)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kit", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=232.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    recipe = load_recipe("any_array", {"seed_of_rooms": 5, "synthetic_voices": 320, "pretrain_batches": 0})
    recipe = replace(recipe, gpu=replace(recipe.gpu, rooms=4000, first_rooms=400), most_minutes=options.seconds / 60)
    material = gather(recipe, options.kit, options.out, rooms_on_gpu=recipe.gpu.rooms)
    device = torch.device(options.device)
    start = begin(recipe, material, options.start, device, options.out)
    training, validation = recorded(material.training), recorded(material.validation)
    best = learn(device, recipe, training, validation, every_shipped_array(), options.out, options.seed, print, start)
    module = AnyArrayModule(recipe.network, material.validation, material.validation, steps=1, pretrain_steps=0, rate=1e-3)
    module.load_state_dict(read_torch(best))
    run = RunOptions(options.out, options.seed, options.device, 1, 1, 0, False, 1, show_progress=False)
    command = "python benchmarks/any_array_wider.py KIT --out DIR --start NARROW"
    provenance = Provenance(to_mapping(recipe), material.facts, command, options.seed)
    finish_any_array(recipe, module, material, run, provenance, options.seconds)


if __name__ == "__main__":
    main()
