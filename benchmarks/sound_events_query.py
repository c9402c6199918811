"""What sounds from a direction: models.sound_events.direction_query trained on a GPU, on scenes that are simulated beside it.

usage, one after the other on one machine; the banks have many events that take the class of one beside them:
  python benchmarks/sound_events_bank.py clips CLIPS.npz --sounds DIR/clips/train          (of sound_events.py data; val likewise)
  python benchmarks/sound_events_bank.py bank BANKS_VAL/0 --split val --clips CLIPS_VAL.npz --picture-width 0 --pair-share 0.4
  for n in 0 1 2 ...: python benchmarks/sound_events_bank.py bank BANKS/n --clips CLIPS.npz --picture-width 0 --pair-share 0.4 \\
      --scene-seed 2000+n --jobs 8 --most 1000 &                                             (goes on while it learns)
  python benchmarks/sound_events_query.py train OUT --banks BANKS --held-out BANKS_VAL --seconds 450
  python benchmarks/sound_events_bank.py bank BANK --clips CLIPS.npz --picture-width 0 --pair-share 0.4 --scene-seed 3100 \\
      --jobs 1 --most 240
  python benchmarks/sound_events_query.py ask ASKED.npz --bank BANK --query GPU.onnx       (a CPU; GPU.onnx: `ship` of OUT)
  python benchmarks/sound_events_query.py tune OUT2 --run OUT --bank BANK --asked ASKED.npz --seconds 556 --rate 3e-4
  python benchmarks/sound_events_query.py ship WEIGHTS.onnx --run OUT2 --data DIR --runs RUNS --threshold 0.35
                                        (a CPU; DIR: with the scenes of sound_events.py, _coloc.py and _further.py data)
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

FRAMES = 200  # label frames of a scene
SYSTEMS = ("coloc", "av_seld")
TUNED_CHUNKS, TUNED_QUESTIONS = 6, 6  # of a step of `tune`
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


def ask(options: argparse.Namespace) -> None:
    """What both systems ask of the scenes of a bank, and what a query answers."""
    from avloc_ros.evaluation.seld.event_runs import open_network
    from avloc_ros.sources.event_bank import EventBank
    from avloc_ros.systems.asked_paths import AskedNetwork
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.systems.sound_events import SoundEventsConfig
    from avloc_ros.training.sound_events.path_questions import asked_of_bank

    own = EventNetworkConfig(device="cpu", query=options.query)
    networks = [open_network(SoundEventsConfig(system, network=own)) for system in SYSTEMS]
    asked_of_bank(EventBank(options.bank), [one for one in networks if isinstance(one, AskedNetwork)]).save(options.out)


def tune(options: argparse.Namespace) -> None:
    """A query that learned from drawn questions goes on with those that are asked of it, on a CPU; kept is half of the way."""
    import torch

    from avloc_ros.decode.event_classes import STARSS_CLASSES
    from avloc_ros.sources.event_bank import EventBank
    from avloc_ros.training.limited_time import save_whole
    from avloc_ros.training.sound_events.bank_loop import BankTime, rounded
    from avloc_ros.training.sound_events.path_questions import PathBatches, PathQuestions
    from avloc_ros.training.sound_events.query_tuning import between, tune_direction_query

    torch.set_num_threads(1)
    recipe, network = trained(options.run)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    bank = EventBank(options.bank)
    batches = PathBatches(bank, PathQuestions.load(options.asked), len(STARSS_CLASSES), recipe.chunks)
    plan = BankTime(options.seconds, options.rate, warm_up=0.05, of_processor=True, told_every_s=30.0)
    steps = tune_direction_query(network, recipe, batches.training(TUNED_CHUNKS, TUNED_QUESTIONS, options.seed), plan)
    network.load_state_dict(between(before, network.state_dict()))
    options.out.mkdir(parents=True, exist_ok=True)
    save_whole(rounded(network), options.out / "query.last.pt")
    (options.out / "recipe.yaml").write_bytes((options.run / "recipe.yaml").read_bytes())
    facts = json.loads((options.run / "run.json").read_text(encoding="utf-8"))
    facts["tuned"] = {"steps": steps, "scenes": len(bank.shape.kept), "seconds": options.seconds, "rate": options.rate}
    facts["tuned"] |= {"seed": options.seed, "chunks": TUNED_CHUNKS, "questions": TUNED_QUESTIONS, "device": "cpu"}
    (options.out / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def trained(run: Path) -> tuple[Any, Any]:
    """Recipe and network of what `train` or `tune` left."""
    import torch
    import yaml

    from avloc_ros.config import from_mapping
    from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe, make_query

    content = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    recipe = from_mapping(DirectionQueryRecipe, {key: value for key, value in content.items() if key != "recipe"}, "recipe.yaml")
    network = make_query(recipe)
    network.load_state_dict(torch.load(run / "query.last.pt", weights_only=True))
    return recipe, network


def ship(options: argparse.Namespace) -> None:
    """ONNX with a card that says what av_seld and coloc tell, asked again with it, and how many pairs of one class are two."""
    import torch

    from avloc_ros.training.sound_events.direction_query_weights import write_query

    torch.set_num_threads(1)
    recipe, network = trained(options.run)
    facts = json.loads((options.run / "run.json").read_text(encoding="utf-8"))
    made = "sound_events_bank.py bank --pair-share 0.4: simulated rooms, 20 s and 10 events each, half of the speech from clips"
    data = {"training": {"scenes": facts["scenes"], "made by": made}, "validation": {"scenes": 120}, "test": {"scenes": 104}}
    seconds = round(facts["seconds"])
    command = f"python benchmarks/sound_events_query.py train OUT --banks BANKS --held-out BANKS_VAL --seconds {seconds}"
    if tuned := facts.get("tuned"):
        data["training"]["scenes_tuned"] = tuned["scenes"]
        command += f", then tune OUT2 --run OUT --bank BANK --asked ASKED.npz --seconds {tuned['seconds']} --rate {tuned['rate']}"
    card: dict = {"training": facts, "metrics": {}}

    def write() -> None:
        device = f"one {facts['device']}, shared with other trainings"
        write_query(
            network, recipe, options.threshold, card, data, command, facts["seed"], options.out, options.notes, device
        )  # fmt: skip

    write()
    for split, folders in SPLITS.items():
        for system in SYSTEMS:
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


STEPS = {"train": train, "ask": ask, "tune": tune, "ship": ship}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=tuple(STEPS))
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
    parser.add_argument("--run", type=Path, help="with tune and ship: what train (or tune) left")
    parser.add_argument("--bank", type=Path, help="with ask and tune: scenes")
    parser.add_argument("--query", default="auto", help="with ask: weights that are asked")
    parser.add_argument("--asked", type=Path, help="with tune: what ask left")
    parser.add_argument("--data", type=Path, help="with ship: folder of the scenes")
    parser.add_argument("--runs", type=Path, help="with ship: gets what is told, as sound_events_further.py compare takes it")
    parser.add_argument("--threshold", type=float, default=0.45, help="with ship: probability from which a class sounds")
    parser.add_argument("--notes", default="", help="with ship: a sentence for the card")
    options = parser.parse_args()
    STEPS[options.step](options)


if __name__ == "__main__":
    main()
