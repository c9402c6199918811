"""Sound events on a CPU: eyes for the ears that benchmarks/sound_events_bank.py trained, and as much more time for the others.

usage, with DIR of `sound_events.py data` and OUT of `sound_events_bank.py train`:
  python benchmarks/sound_events_eyes.py copy BANK --data DIR --split train     scenes as a bank (val likewise)
  python benchmarks/sound_events_eyes.py join NEW/av_seld_small_0 --start OUT/av_seld_small_audio_0 --banks BANK BANK_VAL
  python benchmarks/sound_events_eyes.py join NEW/av_seld_small_1 --start OUT/av_seld_small_audio_1 --eyes NEW/av_seld_small_0 ...
  python benchmarks/sound_events_eyes.py resume NEW/av_seld_baseline_small_0 --start OUT/av_seld_baseline_small_0 ...
  python benchmarks/sound_events_bank.py finish NEW --data DIR --runs DIR2/runs
  python benchmarks/sound_events.py table DIR2 --out FILE.json

`join` gives an ear eyes, and learns how what is heard is drawn to what is seen; --whole: fusion and head learn too. Of another
`join` (--eyes) the eyes are taken as they are, and the time that they learned there counts. `resume` goes on with a network as it
is. Seconds are those of the processor, so that two trainings get the same, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

EYES_RATE, RESUMED_RATE = 3e-3, 5e-4
RESUMED_BATCH, EYES_SHARE, HEARD_SCENES = 16, 0.8, 120
SCENE_FRAMES, SAMPLES_PER_FRAME, LOOKS, EVERY, HEIGHT, WIDTH, CLASSES = 200, 2400, 67, 3, 112, 224, 13


def copy_split(folder: Path, data: Path, split: str) -> None:
    """The scenes of a split as a bank."""
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.datasets.events.recorded_bank import bank_of_recordings
    from avloc_ros.sources.event_bank import BankShape

    shape = BankShape(0, SCENE_FRAMES, SAMPLES_PER_FRAME, LOOKS, EVERY, HEIGHT, WIDTH, CLASSES)
    bank_of_recordings(folder, scene_recordings([data / split]), shape)


def go_on(options: argparse.Namespace) -> None:
    """More time of a core for a network that is trained; the seed is that of its folder, and so is the recipe of `resume`."""
    import torch

    from avloc_ros.sources.event_bank import EventBank
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events.bank_loop import BankTime
    from avloc_ros.training.sound_events.bank_training import BankPlace, resume_on_bank
    from avloc_ros.training.sound_events.joined_training import JoinedPlan, train_joined_on_bank

    torch.set_num_threads(1)
    joins, weights = options.step == "join", options.start / "network.last.pt"
    seed = json.loads((options.start / "run.json").read_text(encoding="utf-8"))["seed"]
    rate = EYES_RATE if joins else RESUMED_RATE
    time = BankTime(options.seconds, rate, validations=options.validations, told_every_s=20.0, of_processor=True)
    banks = [EventBank(folder) for folder in options.banks]
    options.out.mkdir(parents=True, exist_ok=True)

    def tell(text: str) -> None:
        print(f"{options.out.name} {text}", flush=True)

    place = BankPlace(banks[0], banks[1], options.out, torch.device("cpu"), seed, time, tell)
    if joins:
        eyes = options.eyes and options.eyes / "eyes.last.pt"
        plan = JoinedPlan(weights, eyes, EYES_SHARE, HEARD_SCENES, whole=options.whole)
        train_joined_on_bank(load_recipe("av_seld_small"), place, plan)
    else:
        changes = {"start_weights": str(weights), "optimizer.batch_size": RESUMED_BATCH}
        resume_on_bank(load_recipe(str(options.start / "recipe.yaml"), changes), place)
    note_command(options)


def note_command(options: argparse.Namespace) -> None:
    """Put into run.json, for the card, how this training came about."""
    path, earlier = options.out / "run.json", json.loads((options.start / "run.json").read_text(encoding="utf-8"))
    parts = [options.step, options.out.name, "--start", options.start.name]
    parts += ["--banks BANK BANK_VAL --seconds", f"{options.seconds:g}"]
    parts += (["--eyes", options.eyes.name] if options.eyes else []) + (["--whole"] if options.whole else [])
    command = f"python benchmarks/sound_events_eyes.py {' '.join(parts)}"
    command += f"; {options.start.name}: {earlier['seconds']:.0f} s on one {earlier['device']} before"
    facts = json.loads(path.read_text(encoding="utf-8")) | {"command": command}
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("copy", "join", "resume"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", choices=("train", "val"), default="train")
    parser.add_argument("--start", type=Path, help="folder of the training to go on with")
    parser.add_argument("--banks", type=Path, nargs=2, help="to learn from, and to validate on")
    parser.add_argument("--seconds", type=float, default=375.0)
    parser.add_argument("--validations", type=int, default=5)
    parser.add_argument("--eyes", type=Path, help="folder of a `join` whose eyes are taken")
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    if options.step == "copy":
        copy_split(options.out, options.data, options.split)
    else:
        go_on(options)


if __name__ == "__main__":
    main()
