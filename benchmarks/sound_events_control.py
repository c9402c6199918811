"""The DCASE baseline continued on further scenes: the one that ships, which is CoLoC's ear.

usage, with DIR of `sound_events.py data` and `sound_events_coloc.py data`, START.onnx of `sound_events_bank.py ship`:
  python benchmarks/sound_events_control.py DIR --start START.onnx --out OUT [--seconds 377] [--seed 1]

The ONNX file becomes a torch network again (BatchNorm is folded into its convolutions and stays as it is). Rate and batches
are those of `sound_events_eyes.py resume`; the threshold comes from validation. Prints scores before and after, and writes
OUT/av_seld_baseline_small.onnx with its card. Weights that ship were learnt from as well: their card keeps what came before.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sound_events import scenes_of
from torch import nn

from avloc_ros.config import to_mapping
from avloc_ros.datasets.events.event_chunks import EventChunks
from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.losses.adpit import adpit_loss
from avloc_ros.runtime.weights import card_path, shipped_weights
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.limited_time import Clock, descend, rate_share
from avloc_ros.training.onnx_export import largest_difference, stored_as_float16
from avloc_ros.training.recipes import load_recipe
from avloc_ros.training.sound_events import av_seld
from avloc_ros.training.sound_events.bank_labels import batched_adpit
from avloc_ros.training.sound_events.export import example_av_seld, export_av_seld
from avloc_ros.training.sound_events.heard_chunks import slots_of
from avloc_ros.training.sound_events.onnx_weights import torch_weights

TOLD_EVERY = 50
SPLITS = {"validation": ("val", "val_more"), "test": ("test",)}
NOTES = "The best of the baseline's three seeds, continued on 720 further scenes. It learned from simulated rooms only."
NAME, RATE, BATCH, WARM_UP, LARGEST_GRADIENT, SLOTS = "av_seld_baseline_small", 5e-4, 16, 0.02, 5.0, 3


def continued(folder: Path, start: Path, out: Path, seconds: float, seed: int) -> None:
    """Scores of validation and test before and after; OUT/NAME.onnx with its card."""
    torch.set_num_threads(1)
    recipe = load_recipe(NAME)
    network, features = av_seld.make_network(recipe), av_seld.make_features(recipe)
    network.load_state_dict(torch_weights(start, network))
    report(network, recipe, folder, "before")
    torch.manual_seed(seed)
    chunks = EventChunks(
        scene_recordings([folder / "train_more"]),
        recipe.chunks,
        lambda rows, frames, random: slots_of(rows, frames, SLOTS, recipe.classes),
    )
    optimizer, random = torch.optim.Adam(network.parameters(), lr=RATE), np.random.default_rng(seed)
    clock, losses = Clock(seconds, of_processor=True), []
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    while clock.share < 1.0:
        drawn = [chunks[int(item)] for item in random.integers(0, len(chunks), BATCH)]
        batch = {name: torch.from_numpy(np.stack([one[name] for one in drawn])) for name in ("samples", "directions", "classes")}
        labels = batched_adpit(batch["directions"], batch["classes"], recipe.classes)
        loss = adpit_loss(network(features(batch["samples"])), labels)
        descend(optimizer, loss, RATE * rate_share(clock.share, WARM_UP), LARGEST_GRADIENT)
        losses.append(loss.item())
        if len(losses) % TOLD_EVERY == 0:
            print(f"{len(losses)} steps, {clock.seconds:.0f} s, loss {np.mean(losses[-TOLD_EVERY:]):.5f}", flush=True)
    scores = report(network.eval(), recipe, folder, f"after {len(losses)} steps of {BATCH}")
    scenes = len(chunks.recordings)
    training = {"steps": len(losses), "last": float(np.mean(losses[-TOLD_EVERY:])), "seconds": seconds, "scenes": scenes}
    write(network, recipe, start, out, scores | {"training": training}, seed)


def report(network: nn.Module, recipe: Any, folder: Path, when: str) -> dict[str, Any]:
    """Print micro scores of both sets; the threshold is chosen on validation. Returns it and the scores."""
    threshold, metrics = None, {}
    for split, names in SPLITS.items():
        chunks = EventChunks(scenes_of(folder, names), recipe.chunks, av_seld.labels_of(recipe))
        features, vectors = av_seld.make_features(recipe), []
        with torch.no_grad():
            for item in range(len(chunks)):
                chunk = chunks[item]
                found = network.eval()(features(torch.from_numpy(chunk["samples"])[None]))[0].numpy()
                vectors.append((chunk["recording"], chunk["first_frame"], found))
        threshold = threshold or av_seld.choose_threshold(vectors, recipe, chunks)
        scores = av_seld.scores_at(vectors, recipe, chunks, threshold)
        metrics[split] = {name: scores[name] for name in ("micro", "macro")}
        print(when, split, threshold, {name: round(value, 3) for name, value in scores["micro"].items()}, flush=True)
    return {"threshold": threshold, "metrics": metrics}


def write(network: nn.Module, recipe: Any, start: Path, out: Path, found: dict[str, Any], seed: int) -> None:
    """The network as OUT/NAME.onnx, stored in 16 bits. found: threshold, metrics and training; what was before is kept beside."""
    out.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out / "network.pt")
    earlier = json.loads(card_path(start).read_text(encoding="utf-8"))
    full = out / f"{NAME}.onnx"
    difference = export_av_seld(network, recipe, full)
    half = stored_as_float16(full.read_bytes())
    differences = {"fp32": difference, "fp16": largest_difference(network, half, example_av_seld(recipe))}
    kept = {name: earlier[name] for name in ("training", "command", "data", "machine", "sha256")}
    card = {"name": NAME, "system": recipe.system} | found | {"continued_from": kept, "largest_difference_to_torch": differences}
    made = "sound_events_coloc.py data: simulated rooms, 20 s and 10 events each, half of the speech from clips"
    data = {"training": {"scenes": found["training"]["scenes"], "made by": made}}
    data |= {"validation": {"scenes": 120}, "test": {"scenes": 26}}
    command = "python benchmarks/sound_events_control.py DIR --start START.onnx --out OUT "
    command += f"--seconds {found['training']['seconds']:g} --seed {seed}; START.onnx: see continued_from"
    write_weights(full, half, card, Provenance(to_mapping(recipe), data, command, seed, notes=NOTES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, default=shipped_weights()[NAME], help="to go on with; its card is beside")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=377.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.process_time()
    continued(options.folder, options.start, options.out, options.seconds, options.seed)
    print(f"{time.process_time() - started:.0f} s of the processor", flush=True)


if __name__ == "__main__":
    main()
