"""What sounds from a direction: models.sound_events.direction_query trained on a GPU, on scenes that are simulated beside it.

usage, one after the other on one machine; the banks have many events that take the class of one beside them:
  python benchmarks/sound_events_bank.py clips CLIPS.npz --sounds DIR/clips/train          (of sound_events.py data; val likewise)
  python benchmarks/sound_events_bank.py bank BANKS_VAL/0 --split val --clips CLIPS_VAL.npz --picture-width 0 --pair-share 0.4
  for n in 0 1 2 ...: python benchmarks/sound_events_bank.py bank BANKS/n --clips CLIPS.npz --picture-width 0 --pair-share 0.4 \\
      --scene-seed 2000+n --jobs 8 --most 1000 &                                             (goes on while it learns)
  python benchmarks/sound_events_query.py train OUT --banks BANKS --held-out BANKS_VAL --seconds 450
  python benchmarks/sound_events_query.py ship WEIGHTS.onnx --run OUT --data DIR --runs RUNS --threshold 0.45
                                        (a CPU; DIR: with the scenes of sound_events.py, _coloc.py and _further.py data)
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

FRAMES = 200  # label frames of a scene
SPLITS = {"validation": ("val", "val_more"), "test": ("test",), "test_more": ("test_more",)}


def train(options: argparse.Namespace) -> None:
    """One network; waits for the first bank."""
    import torch

    from avloc_ros.training.limited_time import device_name
    from avloc_ros.training.sound_events.bank_loop import BankTime
    from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe, train_direction_query
    from avloc_ros.training.sound_events.scene_stock import SceneStock

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
        print(f"query {options.seed} {text}, {stock.scenes} scenes", flush=True)

    run = train_direction_query(recipe, stock, held_out, options.out, plan, options.seed, tell)
    facts = {"query": asdict(run), "seed": options.seed, "batch": options.batch}
    facts |= {"rate": options.rate, "scenes": stock.scenes, "device": device_name(device), "seconds": time.time() - started}
    (options.out / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def ship(options: argparse.Namespace) -> None:
    """ONNX with a card that says what av_seld and coloc tell, asked again with it, and how many pairs of one class are two."""
    import torch
    import yaml

    from avloc_ros.config import from_mapping
    from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe, make_query
    from avloc_ros.training.sound_events.direction_query_weights import write_query

    torch.set_num_threads(1)
    content = yaml.safe_load((options.run / "recipe.yaml").read_text(encoding="utf-8"))
    recipe = from_mapping(DirectionQueryRecipe, {key: value for key, value in content.items() if key != "recipe"}, "recipe.yaml")
    network = make_query(recipe)
    network.load_state_dict(torch.load(options.run / "query.last.pt", weights_only=True))
    facts = json.loads((options.run / "run.json").read_text(encoding="utf-8"))
    made = "sound_events_bank.py bank --pair-share 0.4: simulated rooms, 20 s and 10 events each, half of the speech from clips"
    data = {"training": {"scenes": facts["scenes"], "made by": made}, "validation": {"scenes": 120}, "test": {"scenes": 104}}
    seconds = round(facts["seconds"])
    command = f"python benchmarks/sound_events_query.py train OUT --banks BANKS --held-out BANKS_VAL --seconds {seconds}"
    card: dict = {"training": facts, "metrics": {}}

    def write() -> None:
        device = f"one {facts['device']}, shared with other trainings"
        write_query(
            network, recipe, options.threshold, card, data, command, facts["seed"], options.out, options.notes, device
        )  # fmt: skip

    write()
    for split, folders in SPLITS.items():
        for system in ("coloc", "av_seld"):
            kept = options.runs / f"{system}_asked_{facts['seed']}"
            found = judged(system, str(options.out), [options.data / folder for folder in folders], kept)
            card["metrics"].setdefault(split, {})[system] = found
            print(split, system, found, flush=True)
    write()


def judged(system: str, query: str, folders: list[Path], kept: Path) -> dict[str, float]:
    """Micro scores of a system with its shipped weights, chunk by chunk, and of the label frames with two events of one class
    the shares in which both, and at least one, are told within 20 degrees; the same of those with a third event (`three`).
    kept: gets what is told, FOLDER/scene.csv.
    """
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.evaluation.seld.event_runs import events_by_chunks, open_network
    from avloc_ros.evaluation.seld.segments import SegmentCounts, count_recording, segment_scores
    from avloc_ros.evaluation.seld.told_pairs import PairCounts
    from avloc_ros.sources.dcase_csv import write_events
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.systems.sound_events import SoundEventsConfig

    own = EventNetworkConfig(device="cpu", query=query)
    network = open_network(SoundEventsConfig(system, network=own))
    total, pairs, three = SegmentCounts(len(network.classes)), PairCounts(), PairCounts(least_events=3)
    for folder in folders:
        (kept / folder.name).mkdir(parents=True, exist_ok=True)
        for recording in scene_recordings([folder]):
            told, true = events_by_chunks(network, recording), recording.rows()
            write_events(kept / folder.name / f"{recording.name}.csv", told)
            total.merge(count_recording(true, told, len(network.classes), FRAMES))
            pairs.add(true, told)
            three.add(true, told)
    return segment_scores(total)["micro"] | pairs.shares() | {f"three_{key}": value for key, value in three.shares().items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("train", "ship"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--banks", type=Path, help="folder of banks; more may come while it learns")
    parser.add_argument("--held-out", type=Path, help="folder of banks")
    parser.add_argument("--seconds", type=float, default=450.0)
    parser.add_argument("--until", type=float, default=0.0, help="the end by time.time(), in place of --seconds")
    parser.add_argument("--batch", type=int, default=48, help="chunks of a step, six questions each")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=3000, help="scenes that are taken in: 4 MB each on the device")
    parser.add_argument("--validations", type=int, default=12)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--run", type=Path, help="with ship: what train left")
    parser.add_argument("--data", type=Path, help="with ship: folder of the scenes")
    parser.add_argument("--runs", type=Path, help="with ship: gets what is told, as sound_events_further.py compare takes it")
    parser.add_argument("--threshold", type=float, default=0.45, help="with ship: probability from which a class sounds")
    parser.add_argument("--notes", default="", help="with ship: a sentence for the card")
    options = parser.parse_args()
    (ship if options.step == "ship" else train)(options)


if __name__ == "__main__":
    main()
