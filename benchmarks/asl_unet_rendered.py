"""asl_unet learned from sound that is made anew for every frame: pack scenes, train the small network, make the table.

usage: python benchmarks/asl_unet_rendered.py pack PACK --train SCENES .. --validation SCENES .. --test SCENES --kit KIT
       python benchmarks/asl_unet_rendered.py train PACK --out FOLDER [--minutes 8] [--seed 0] [--device D] [--set KEY=VALUE ..]
       python benchmarks/asl_unet_rendered.py export PACK --out FOLDER
       python benchmarks/asl_unet_rendered.py table PACK --out FOLDER [--minutes 8] [--seed 0] [--device D] [--only NAME ..]

PACK: a folder of a few small files, which pack writes, those that it has not yet. export writes the ONNX file of a
finished FOLDER. The table has the rows of asl_unet_table.py, equal shares of the
minutes, at most as many steps each as its first row had; validation chooses weights and thresholds, test frames (every
eighth) are scored with the sound that was recorded.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from asl_unet_table import SHIFT, VARIANTS

from avloc_ros.config import flatten, from_mapping, shipped_folder
from avloc_ros.datasets.glasses.pack import GlassesFrames, joined, pack_scenes, read_frames
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.parameter_file import load_parameters
from avloc_ros.runtime.weights import read_torch
from avloc_ros.simulation.glasses.batched_glasses import AFTER, BEFORE, GlassesSound, RenderedSoundConfig
from avloc_ros.simulation.sound.voice_bank import VoiceBank, pack_voices
from avloc_ros.sources.arrays import named_array
from avloc_ros.training.asl_unet.frames import DeviceFrames
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.asl_unet.rendered import RedrawnConfig, RenderedBatches
from avloc_ros.training.asl_unet.scores import Thresholds
from avloc_ros.training.asl_unet.timed import RecordedFrames, TimedRunConfig, score_recorded, train_timed
from avloc_ros.types import InputError

ROWS, COLS = 144, 256
TEST_EVERY, VALIDATION_EVERY = 8, 4
PARTS = ("train", "validation", "test")
QUALITY = {"train": 20, "validation": 17, "test": 17}  # of their pictures


def pack(options: argparse.Namespace) -> None:
    """Write PACK."""
    from avloc_ros.simulation.kit import open_kit

    options.pack.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        for path in getattr(options, part):
            folders, out = [scene.parent for scene in sorted(path.glob("*/scene.json"))], options.pack / f"{part}_{path.name}"
            if not out.with_suffix(".npz").is_file():
                frames = pack_scenes(folders, out, ROWS, COLS, sound=part != "train", quality=QUALITY[part])
                print(f"{out.name}: {len(folders)} scenes, {frames} frames", flush=True)
    seconds = pack_voices(open_kit(options.kit, "train").voices, options.pack / "voices.npz")
    print(f"voices: {seconds:.0f} s")


def frames_of(options: argparse.Namespace, part: str) -> GlassesFrames:
    """All that PACK has for a part."""
    found = sorted(options.pack.glob(f"{part}_*.npz"))
    if not found:
        raise InputError(f"{options.pack} has nothing to {part}: make it with pack")
    return joined([read_frames(path.with_suffix("")) for path in found])


def recipe_of(changes: dict[str, Any]) -> SpeakerUNetRecipe:
    """The small recipe with changes."""
    content = flatten(load_parameters(shipped_folder() / "config" / "train" / "asl_unet_small.yaml"))
    content.pop("recipe")
    return from_mapping(SpeakerUNetRecipe, content | changes)


def batches_of(
    frames: GlassesFrames,
    recipe: SpeakerUNetRecipe,
    options: argparse.Namespace,
    redrawn: RedrawnConfig,
    rendered: RenderedSoundConfig,
    *,
    transposed: bool = False,
) -> RenderedBatches:
    """Batches to learn from."""
    device = torch.device(options.device)
    generator = torch.Generator(device).manual_seed(options.seed)
    voices = VoiceBank.read(options.pack / "voices.npz", device, centre=BEFORE, pictures=BEFORE + AFTER + 1)
    array = named_array(recipe.audio.array)
    sound = GlassesSound(rendered, voices, array.positions_m, generator)
    on_device = DeviceFrames(frames, recipe.network, recipe.picture, device)
    return RenderedBatches(on_device, sound, recipe, redrawn, as_the_report_draws if transposed else None)


def as_the_report_draws(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes (.., 4) whose masks are the report's: x - SHIFT is the row, y the column, cut to whole pixels."""
    left, top, right, bottom = boxes.unbind(-1)
    rows = (left - SHIFT * COLS, right - SHIFT * COLS)
    return torch.stack([top, rows[0], bottom, rows[1]], -1).clamp(min=0).floor()


def train(options: argparse.Namespace) -> None:
    """The small network."""
    changes: dict[str, Any] = dict(pair.split("=", 1) for pair in options.set)
    run = from_mapping(TimedRunConfig, {"most_minutes": options.minutes} | _taken(changes, "run."))
    redrawn = from_mapping(RedrawnConfig, _taken(changes, "redrawn."))
    rendered = from_mapping(RenderedSoundConfig, _taken(changes, "sound."))
    recipe = recipe_of({key: _value(value) for key, value in changes.items()})
    begin = time.perf_counter()
    frames = frames_of(options, "train")
    batches = batches_of(frames, recipe, options, redrawn, rendered)
    every = 40 if options.minutes < 1 else VALIDATION_EVERY
    validation = RecordedFrames(frames_of(options, "validation"), recipe, batches.device, every=every)
    ready_s = time.perf_counter() - begin
    say = _say(options.out.name)
    say(f"{len(frames)} frames of {len(frames.places_m)} scenes, {len(validation)} to validate on, ready after {ready_s:.0f} s")
    if not options.whole_minutes:
        run = replace(run, most_minutes=max(0.01, run.most_minutes - ready_s / 60))
    train_timed(batches, validation, run, options.out, seed=options.seed, say=say)


def export(options: argparse.Namespace) -> None:
    """The trained network of --out as ONNX with its card."""
    from avloc_ros.training.cards import Provenance, write_weights
    from avloc_ros.training.network_export import export_speaker_unet

    record = json.loads((options.out / "training.json").read_text(encoding="utf-8"))
    recipe = from_mapping(SpeakerUNetRecipe, flatten(record["recipe"]))
    network = SpeakerUNet(recipe.network)
    network.load_state_dict(read_torch(options.out / "asl_unet.pt"))
    path = options.out / f"{recipe.name}.onnx"
    difference = export_speaker_unet(network, path, *recipe.audio.shape[1:])
    card = {
        "name": recipe.name,
        "system": "asl_unet",
        "threshold": record["thresholds"]["mask"],
        "wearer_threshold": record["thresholds"]["wearer"],
        "metrics": {"validation": record["validation"]},
        "largest_difference_to_torch": {"fp32": difference},
    }
    facts = {}
    for part in ("train", "validation"):
        frames = frames_of(options, part)
        facts[part] = {"scenes": len(frames.places_m), "frames": len(frames)}
    command = "python benchmarks/asl_unet_rendered.py train (run: " + json.dumps(record["run"]) + ")"
    start = {"start": Path(recipe.start).name} if recipe.start else {}
    provenance = Provenance(record["recipe"] | start, facts, command, record["seed"], device=record["device"])
    print(write_weights(path, path.read_bytes(), card, provenance))


def table(options: argparse.Namespace) -> None:
    """Every row in its share of the time; a row that fails is named and left out."""
    begin, device = time.perf_counter(), torch.device(options.device)
    parts = {part: frames_of(options, part) for part in PARTS}
    options.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {}
    steps = 0
    for number, name in enumerate(options.only):
        left_s = 60 * options.minutes - (time.perf_counter() - begin)
        slot_s = max(0.5, left_s / (len(options.only) - number))
        try:
            report[name] = found = row(name, parts, options, device, slot_s, steps)
            steps = steps or found["steps"]
        except Exception:
            print(f"{name}: {traceback.format_exc()}", flush=True)
        (options.out / "table.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def row(
    name: str, parts: dict[str, GlassesFrames], options: argparse.Namespace, device: torch.device, slot_s: float, steps: int
) -> dict[str, Any]:
    """Train and score one row within slot_s, with so many steps at most (0: as many as there is time for)."""
    begin = time.perf_counter()
    recipe = recipe_of(VARIANTS[name] | {"batch_size": options.batch, "learning_rate": 0.004})
    transposed = "transposed" in name
    batches = batches_of(
        parts["train"], recipe, options, RedrawnConfig(), RenderedSoundConfig(), transposed=transposed
    )
    boxes = as_the_report_draws if transposed else None
    every = 80 if slot_s < 10 else 2 * VALIDATION_EVERY
    validation = RecordedFrames(parts["validation"], recipe, device, every=every, redrawn_boxes=boxes)
    test = RecordedFrames(parts["test"], recipe, device, every=80 if slot_s < 10 else TEST_EVERY)
    training_s = max(0.2, 0.93 * (slot_s - (time.perf_counter() - begin)))
    run = TimedRunConfig(
        most_minutes=max(0.01, training_s / 60), most_steps=steps, validate_s=max(1.0, training_s / 4), average=0.99
    )
    folder, say = options.out / name.replace(" ", "_"), _say(f"{options.out.name} {name}")
    network = train_timed(batches, validation, run, folder, seed=options.seed, say=say).to(device)
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    (folder / "asl_unet.pt").unlink()
    score, thresholds = score_recorded(network, test), Thresholds(**record["thresholds"])
    return {
        "changes": VARIANTS[name],
        "steps": record["course"][-1]["step"],
        "batch": options.batch,
        "seed": options.seed,
        "test_frames": len(test),
        "trained_s": record["course"][-1]["seconds"],
        "thresholds": record["thresholds"],
        "validation": record["validation"],
        "test": score.to_mapping(thresholds),
        "test_at_half": score.to_mapping(Thresholds()),
    }


def _taken(changes: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): _value(changes.pop(key)) for key in list(changes) if key.startswith(prefix)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say(name: str) -> Any:
    return lambda line: print(f"{name}: {line}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pack", "train", "export", "table"))
    parser.add_argument("pack", type=Path)
    for part in PARTS:
        parser.add_argument(f"--{part}", type=Path, nargs="*", default=[])
    parser.add_argument("--kit", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--whole-minutes", action="store_true", help="train: do not count the reading of PACK")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=list(VARIANTS), metavar="NAME")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    torch.set_num_threads(1 if options.device == "cpu" else 2)
    torch.backends.cudnn.benchmark = True
    np.random.seed(options.seed)
    {"pack": pack, "train": train, "export": export, "table": table}[options.what](options)


if __name__ == "__main__":
    main()
