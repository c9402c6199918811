"""What sounds from a direction: models.direction_query trained on a GPU, on scenes that are simulated beside it.

usage, one after the other on one machine; the banks have many events that take the class of one beside them:
  python benchmarks/sound_events_bank.py clips CLIPS.npz --sounds DIR/clips/train          (of sound_events.py data; val likewise)
  python benchmarks/sound_events_bank.py bank BANKS_VAL/0 --split val --clips CLIPS_VAL.npz --picture-width 0 --pair-share 0.4
  for n in 0 1 2 ...: python benchmarks/sound_events_bank.py bank BANKS/n --clips CLIPS.npz --picture-width 0 --pair-share 0.4 \\
      --scene-seed 2000+n --jobs 8 --most 1000 &                                             (goes on while it learns)
  python benchmarks/sound_events_query.py train OUT --banks BANKS --held-out BANKS_VAL --seconds 450
  python benchmarks/sound_events_query.py ear OUT --banks BANKS --held-out BANKS_VAL --seconds 450 --batch 64 --rate 2e-3
                                        (the DCASE baseline on the same scenes, turned too; then sound_events_bank.py finish)
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

EAR, EAR_SETTINGS = "av_seld_baseline_small", {"chunks.swaps": "rotations", "chunks.lowest_gain": 0.3, "chunks.highest_gain": 1.6}


def train(options: argparse.Namespace) -> None:
    """What is asked for directions, or an ear; waits for the first bank."""
    import torch

    from avloc_ros.training.bank_loop import BankTime
    from avloc_ros.training.direction_query import DirectionQueryRecipe, train_direction_query
    from avloc_ros.training.limited_time import device_name
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.scene_stock import SceneStock
    from avloc_ros.training.stocked_ear import train_ear_on_stock

    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    recipe = DirectionQueryRecipe(batch_size=options.batch, learning_rate=options.rate)
    stock = SceneStock(options.banks, recipe.chunks, device, options.most)
    held_out = SceneStock(options.held_out, recipe.chunks, device, 1000)
    while not (stock.take_in() and held_out.take_in()):
        time.sleep(0.5)
    started = time.time()
    seconds = max(1.0, options.until - started) if options.until else options.seconds
    plan = BankTime(seconds, options.rate, validations=options.validations)

    def tell(text: str) -> None:
        print(f"{options.step} {options.seed} {text}, {stock.scenes} scenes", flush=True)

    if options.step == "train":
        run = train_direction_query(recipe, stock, held_out, options.out, plan, options.seed, tell)
    else:
        optimizer = {"optimizer.batch_size": options.batch, "optimizer.learning_rate": options.rate}
        ear = load_recipe(EAR, EAR_SETTINGS | optimizer)
        run = train_ear_on_stock(ear, stock, held_out, options.out, plan, options.seed, tell)
    facts = {"query" if options.step == "train" else "network": asdict(run), "seed": options.seed, "batch": options.batch}
    facts |= {"rate": options.rate, "scenes": stock.scenes, "device": device_name(device), "seconds": time.time() - started}
    (options.out / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("train", "ear"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--banks", type=Path, required=True, help="folder of banks; more may come while it learns")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of banks")
    parser.add_argument("--seconds", type=float, default=450.0)
    parser.add_argument("--until", type=float, default=0.0, help="the end by time.time(), in place of --seconds")
    parser.add_argument("--batch", type=int, default=48, help="chunks of a step, six questions each")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=3000, help="scenes that are taken in: 4 MB each on the device")
    parser.add_argument("--validations", type=int, default=12)
    parser.add_argument("--device", default="cuda")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
