# ruff: noqa: E402
"""`avloc train` with every kind of recipe: each starts from the command line, says what it needs, and leaves weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
soundfile = pytest.importorskip("soundfile")

from avloc_ros.cli.main import main
from avloc_ros.datasets.events.event_folders import read_event_folders
from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.weights import read_weights
from avloc_ros.sources.dcase_csv import EventRow, write_events
from avloc_ros.sources.scene import write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem
from avloc_ros.training.recipes import KINDS, load_recipe, shipped_recipes
from avloc_ros.types import InputError

MACHINE = ["--device", "cpu", "--threads", "1"]
RATE = 24000


pytestmark = pytest.mark.usefixtures("one_thread")


def settings(**values):
    return [text for name, value in values.items() for text in ("--set", f"{name.replace('__', '.')}={value}")]


def event_scene(folder, seed):
    """One second of noise from a direction, as FOA."""
    rng = np.random.default_rng(seed)
    azimuth = float(rng.uniform(-3, 3))
    sound = rng.normal(0, 0.1, (RATE, 1)) * np.array([1, np.sin(azimuth), 0, np.cos(azimuth)])
    write_scene(folder, audio=sound, sample_rate_hz=RATE, fps=10)
    write_events(folder / "truth_events.csv", [EventRow(f, seed % 2, 0, np.degrees(azimuth), 0) for f in range(10)])


def glasses_scene(folder, seed):
    """Twelve frames with a bright face that speaks in every second one."""
    rng = np.random.default_rng(seed)
    images = np.full((12, 24, 40, 3), 40, np.uint8)
    images[:, 8:16, 10:16] = 220
    truth = [TruthRow(f, f / 20, "a", 13, 12, 10, 8, 6, 8, 0.3, 0.0, 1.0, f % 2 == 0, True) for f in range(12)]
    truth += [TruthRow(f, f / 20, "wearer", None, None, None, None, None, None, 0, 0, None, f > 6, False) for f in range(12)]
    write_scene(
        folder,
        array=MicrophoneArray(np.array([[0, 0.05, 0], [0, -0.05, 0]])),
        camera=CameraModel(40, 24, 20, 20, 20, 12),
        audio=rng.normal(0, 0.1, (9600, 2)),
        sample_rate_hz=16000,
        images=iter(images),
        fps=20,
        truth=truth,
    )


@pytest.fixture(scope="module")
def event_scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    for seed in range(2):
        event_scene(folder / f"scene{seed}", seed)
    return folder


def test_every_shipped_recipe_loads_and_unknown_keys_fail(tmp_path):
    kinds = set()
    for name, path in shipped_recipes().items():
        content = yaml.safe_load(path.read_text())
        kinds.add(content["recipe"])
        recipe = load_recipe(name)
        assert isinstance(recipe, KINDS[content["recipe"]].settings())
        wrong = tmp_path / path.name
        wrong.write_text(yaml.safe_dump(content | {"momentumm": 0.9}))
        with pytest.raises(InputError, match=f"{path.name}.*momentumm"):
            load_recipe(str(wrong))
    assert kinds == set(KINDS)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("any_array", "one folder with speech/"),
        ("dsw_fusion_flat", "folder of cached grids"),
        ("av_seld_small_audio", "event scenes (avloc simulate --events), STARSS22/23, or L3DAS23"),
        ("av_seld_baseline_2023", "event scenes (avloc simulate --events), STARSS22/23, or L3DAS23"),
        ("coloc_small", "event scenes (avloc simulate --events), STARSS22/23, or L3DAS23"),
        ("coloc_ear", "event scenes (avloc simulate --events), STARSS22/23, or L3DAS23"),
        ("own_sounds", "event scenes (avloc simulate --events), STARSS22/23, or L3DAS23"),
        ("asl_unet_small", "egocentric scenes (avloc simulate --egocentric), or EasyCom"),
    ],
)
def test_a_recipe_without_data_says_what_it_learns_from(tmp_path, capsys, recipe, words):
    assert main(["train", recipe, "--out", str(tmp_path / "new")]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["av_seld_small_audio", "{tmp}"], "no scene with truth_events.csv"),
        (["av_seld_small_audio", "{tmp}/none"], "no such folder"),
        (["av_seld_small", "{events}"], "has no pictures: train an audio-only system"),
        (["coloc_small", "{events}/scene0"], "need two at least"),
        (["coloc_small", "{events}", "--resume"], "starts from nothing"),
        (["asl_unet_small", "{tmp}"], "no scene in"),
        (["diff_track_hungarian_2x2", "{tmp}"], "assignment problems are drawn"),
        (["diff_track_localizer", "--validation", "{tmp}"], "moving sources are simulated"),
        (["diff_track_localizer", "--array", "{tmp}/no.yaml"], "no.yaml"),
    ],
)
def test_data_that_do_not_fit_are_refused(event_scenes, tmp_path, capsys, arguments, words):
    filled = [text.format(tmp=tmp_path, events=event_scenes) for text in arguments]
    assert main(["train", *filled, "--out", str(tmp_path / "new"), *MACHINE]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


SHORT = settings(chunks__chunk_s=1.0, chunks__step_s=1.0, optimizer__epochs=1, optimizer__batch_size=2)


def test_av_seld_from_scenes_to_weights(event_scenes, tmp_path):
    out = tmp_path / "run"
    small = settings(
        network__audio_encoder__channels="[4, 4]",
        network__audio_encoder__embedding=8,
        network__audio_encoder__conformer__layers=1,
        network__audio_encoder__conformer__heads=2,
        network__audio_encoder__conformer__feed_forward=8,
        network__fusion__layers=1,
    )
    arguments = ["train", "av_seld_small_audio", str(event_scenes), "--test", str(event_scenes), "--out", str(out)]
    unfit = settings(network__audio_encoder__channels="[4, 4, 4]")
    assert main([*arguments, *MACHINE, *SHORT, *unfit]) == 2  # three halvings of 25 ms spectra are no label frame
    assert main([*arguments, "--seed", "3", *MACHINE, *SHORT, *small]) == 0
    card = read_weights(out / "av_seld_small_audio.onnx").card
    assert card["seed"] == 3 and card["system"] == "av_seld" and card["recipe"]["network"]["fusion"]["layers"] == 1
    assert card["data"]["recordings"] == {"training": 1, "synthetic": 0, "validation": 1, "test": 2}
    assert 0.1 <= card["threshold"] <= 0.7
    assert {"validation", "test"} == set(card["metrics"]) and card["largest_difference_to_torch"]["fp32"] < 1e-3


def test_coloc_from_scenes_to_weights(event_scenes, tmp_path):
    out = tmp_path / "run"
    small = settings(network__trunk__filters=4, network__trunk__gru_units=4, network__dense_units=4)
    assert main(["train", "coloc_small", str(event_scenes), "--out", str(out), *MACHINE, *SHORT, *small]) == 0
    for part in ("localizer", "classifier"):
        card = read_weights(out / f"{part}.onnx").card
        assert card["system"] == f"coloc_{part}" and card["training"]["epochs"] == 1
        assert "conditional_accuracy" in card["metrics"]["validation"]


def test_coloc_on_an_ear_from_scenes_to_weights(event_scenes, tmp_path):
    out, short = tmp_path / "run", settings(localizer_s=1.0, classifier_s=1.0, batch_size=2)
    arguments = ["train", "coloc_ear", str(event_scenes), "--test", str(event_scenes), "--out", str(out)]
    assert main([*arguments, "--seed", "2", *MACHINE, *short]) == 0
    for part in ("localizer", "classifier"):
        card = read_weights(out / f"{part}.onnx").card
        assert card["system"] == f"coloc_{part}" and card["seed"] == 2 and card["training"]["steps"] >= 1
        assert {"validation", "test"} == set(card["metrics"]) and card["largest_difference_to_torch"]["fp32"] < 1e-4
    scored = ["--system", "coloc", "--weights", str(out), "--out", str(tmp_path / "scores")]
    assert main(["evaluate", str(event_scenes), *scored]) == 0


def test_own_sounds_from_scenes_to_a_system_that_tells_them(tmp_path):
    """Noise of two colours from two sides, classes of no table that is known."""
    for seed in range(3):
        rng, rows = np.random.default_rng(seed), []
        sound = np.zeros((2 * RATE, 4))
        for source, (azimuth_deg, low_hz, high_hz) in enumerate(((90, 200, 800), (-90, 2000, 6000))):
            spectrum = np.fft.rfft(rng.normal(size=RATE))
            spectrum[: low_hz] = spectrum[high_hz:] = 0
            y = np.sin(np.radians(azimuth_deg))
            noise = np.fft.irfft(spectrum)[:, None] * np.array([1, y, 0, 0])
            sound[source * RATE : (source + 1) * RATE] = 0.2 * noise / noise.std()
            rows += [EventRow(10 * source + f, source, source, azimuth_deg, 0.0) for f in range(10)]
        write_scene(tmp_path / f"scene{seed}", audio=sound, sample_rate_hz=RATE, fps=10, extra={"classes": ["rumble", "hiss"]})
        write_events(tmp_path / f"scene{seed}" / "truth_events.csv", rows)
    out = tmp_path / "run"
    short = settings(minutes=0.12, batch_size=2, chunks__chunk_s=2.0, learning_rate=0.003)
    assert main(["train", "own_sounds", str(tmp_path), "--test", str(tmp_path), "--out", str(out), *MACHINE, *short]) == 0
    card = read_weights(out / "own_sounds.onnx").card
    assert card["system"] == "direction_query" and card["classes"] == ["rumble", "hiss"] and card["training"]["steps"] > 3
    assert {"validation", "test"} == set(card["metrics"]) and not list(out.glob("tmp*"))
    system = SoundEventSystem(SoundEventsConfig(network=EventNetworkConfig(str(out / "own_sounds.onnx"), device="cpu")))
    assert system.network.classes == ("rumble", "hiss")
    samples = read_event_folders([tmp_path]).simulated[0].samples(RATE)
    frames = system.network.events(samples, None, 20)
    told = [(frame // 10, max(events, key=lambda event: event.score)) for frame, events in enumerate(frames) if events]
    right = [event.class_index == true and event.direction[1] * (0.5 - true) > 0.4 for true, event in told]
    assert len(told) > 5 and np.mean(right) > 0.7


def test_a_table_of_another_size_than_the_network_is_refused(event_scenes, tmp_path, capsys):
    for scene in event_scenes.iterdir():
        about = json.loads((scene / "scene.json").read_text())
        about |= {"classes": ["rumble", "hiss"], "audio": str(scene / "audio.wav")}
        (tmp_path / scene.name).mkdir()
        (tmp_path / scene.name / "scene.json").write_text(json.dumps(about))
        (tmp_path / scene.name / "truth_events.csv").write_bytes((scene / "truth_events.csv").read_bytes())
    arguments = ["train", "av_seld_baseline_small", str(tmp_path), "--out", str(tmp_path / "run"), *MACHINE]
    assert main(arguments) == 2
    assert "2 classes, crnn.classes is 13: set it to 2" in " ".join(capsys.readouterr().err.split())


def test_data_sets_say_what_validates_and_scenes_beside_them_are_synthetic(event_scenes, tmp_path):
    """A miniature of STARSS: two recordings to learn from, one to test on."""
    for split, mixes in (("dev-train-sony", (1, 2)), ("dev-test-sony", (3,))):
        for mix in mixes:
            name = f"fold{mix}_room1_mix00{mix}"
            for kind in ("foa_dev", "metadata_dev"):
                (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "foa_dev" / split / f"{name}.wav", np.zeros((RATE, 4)), RATE)
            write_events(tmp_path / "metadata_dev" / split / f"{name}.csv", [EventRow(0, 1, 0, 10, 0)])
    found = read_event_folders([tmp_path, event_scenes])
    assert [len(found.of_split(split)) for split in ("train", "test")] == [2, 1]
    assert len(found.simulated) == 2 and len(found.everything) == 5
    from avloc_ros.cli.main import build_parser
    from avloc_ros.cli.training_runs.event_data import event_data
    from avloc_ros.cli.training_runs.request import Request

    def sizes(*arguments):
        data = event_data(Request(build_parser().parse_args(["train", "coloc_small", *map(str, arguments)]), ""))
        return len(data.training), len(data.synthetic), len(data.validation), len(data.test)

    assert sizes(tmp_path, event_scenes) == (2, 2, 1, 0)
    assert sizes(tmp_path, "--validation", event_scenes, "--test", event_scenes) == (2, 0, 2, 2)
    assert sizes(event_scenes) == (1, 0, 1, 0)
    assert sizes(event_scenes, "--validation", tmp_path) == (2, 0, 3, 0)


def test_the_hungarian_network_is_trained_from_the_command_line(tmp_path):
    out = tmp_path / "run"
    small = settings(network__hidden=8, steps=3, validate_every_steps=3, validation_cases=20, batch_size=4)
    assert main(["train", "diff_track_hungarian_2x2", "--out", str(out), "--seed", "5", *MACHINE, *small]) == 0
    card = json.loads((out / "diff_track_hungarian_2x2.card.json").read_text())
    assert card["seed"] == 5 and card["recipe"]["steps"] == 3 and card["command"].split()[0] == "avloc"


def test_the_localizer_is_trained_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "run"
    small = settings(
        network__filters=4,
        network__recurrent=4,
        epochs=1,
        data__sources__seconds=1.0,
        data__sources__reflections=0,
        data__train_segments=1,
        data__val_segments=48,
        data__test_segments=1,
    )
    assert main(["train", "diff_track_localizer_small", "--out", str(out), *MACHINE, *small]) == 0
    card = read_weights(out / "diff_track_localizer_small.onnx").card
    assert card["system"] == "diff_track_localizer" and card["metrics"]["test"]["references"] > 0
    assert card["data"]["segments"] == {"train": 1, "val": 48, "test": 1} and card["recipe"]["network"]["causal"]


def test_asl_unet_from_scenes_to_weights(tmp_path):
    out = tmp_path / "run"
    for seed in range(2):
        glasses_scene(tmp_path / "scenes" / f"scene{seed}", seed)
    small = settings(
        network__rows=24, network__cols=40, network__width=4, network__levels=2, network__audio_width=4,
        network__audio_channels=2, network__context_frames=0, network__beams=0, audio__beams=0, audio__microphones=2,
        audio__context_segments=1, batch_size=4, mini_epoch_steps=2, mini_epochs=1,
    )  # fmt: skip
    arguments = ["train", "asl_unet_small", str(tmp_path / "scenes"), "--test", str(tmp_path / "scenes")]
    assert main([*arguments, "--out", str(out), *MACHINE, *small]) == 0
    card = read_weights(out / "asl_unet_small.onnx").card
    assert card["data"]["training"] == {"recordings": 1, "frames": 12} and card["data"]["test"]["recordings"] == 2
    assert 0 < card["threshold"] < 1 and "wearer" in card["metrics"]["test"]


@pytest.fixture
def silent_scenes(tmp_path):
    """Five scenes in which nobody is to be seen or heard."""
    for seed in range(5):
        write_scene(
            tmp_path / "scenes" / f"scene{seed}",
            array=MicrophoneArray(np.array([[0.05, 0, 0], [-0.05, 0, 0], [0, 0.05, 0], [0, 0, 0.05]])),
            camera=CameraModel(320, 200, 150.0, 150.0, 160.0, 100.0),
            audio=np.random.default_rng(seed).normal(0, 1e-4, (4 * 640, 4)),
            sample_rate_hz=16000,
            images=iter(np.full((4, 200, 320, 3), 40, np.uint8)),
            fps=25,
            truth=[TruthRow.unseen(f, 25.0, "a", 0.1, 0.0, 2.0, False) for f in range(4)],
        )
    return tmp_path / "scenes"


def test_who_speaks_is_learnt_from_tracks_of_scenes(silent_scenes, tmp_path, monkeypatch, capsys):
    """Tracks that are told by hand: whose voice is heard speaks. Without any the error says so."""
    from avloc_ros.runtime.speaking_network import load_speaking
    from avloc_ros.tracking.talk_facts import FACTS
    from avloc_ros.training.speaking import histories

    def told(item, config, cache):
        rng = np.random.default_rng(len(item.name) + ord(item.name[-1]))
        facts = rng.normal(0, 0.1, (40, len(FACTS))).astype(np.float32)
        speaks = np.arange(40) // 10 % 2 == 1
        facts[:, FACTS.index("heard")] += np.where(speaks, 2, -2)
        one = histories.History(np.arange(40), facts, speaks, np.ones(40, bool))
        return histories.RecordingHistories(item.name, (one,), speaks.astype(int), np.ones(40, bool))

    request = ["train", "speaking", str(silent_scenes), "--out", str(tmp_path / "none"), "--jobs", "1", *MACHINE]
    assert main([*request, *settings(epochs=1)]) == 2
    assert "no track was found in the recordings" in capsys.readouterr().err
    monkeypatch.setattr(histories, "histories_of", told)
    request[4] = str(tmp_path / "out")
    assert main([*request, *settings(epochs=60, batch=4, learning_rate=0.01)]) == 0
    card = read_weights(tmp_path / "out" / "speaking.onnx").card
    assert card["metrics"]["validation"]["frame_recall"] == 1.0 and card["data"]["training"] == {"scenes": 4}
    assert (card["ear"], card["fusion"]) == ("blend", "dsw_fusion_spatial")
    assert load_speaking(len(FACTS), str(tmp_path / "out" / "speaking.onnx")).knows("blend", "dsw_fusion_spatial")
