# ruff: noqa: E402
"""CoLoC learns a few chunks by heart, and its tables count what the report counts."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
soundfile = pytest.importorskip("soundfile")

from avloc_ros.config import from_mapping, to_mapping
from avloc_ros.datasets.events.event_chunks import ChunkConfig, EventChunks
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.decode.coloc_steps import ColocStepsConfig
from avloc_ros.features.inputs.coloc_features import ColocFeatureConfig
from avloc_ros.geometry import direction_from_angles
from avloc_ros.models.sound_events.coloc import ColocNetworkConfig
from avloc_ros.models.sound_events.crnn import CrnnConfig
from avloc_ros.sources.dcase_csv import EventRow, read_events, write_events
from avloc_ros.training.sound_events.coloc import _shares, labels_of, train_coloc
from avloc_ros.training.sound_events.coloc_evaluation import THRESHOLDS, choose_event_threshold
from avloc_ros.training.sound_events.coloc_scores import ConditionedErrors, conditional_accuracy
from avloc_ros.training.sound_events.loop import Machine
from avloc_ros.training.sound_events.recipes import ColocRecipe, SeldOptimizerConfig

RATE, CLASSES = 24000, 3
RECIPE = ColocRecipe(
    classes=CLASSES,
    height=2,
    features=ColocFeatureConfig(fft_length=256, window_length=256),
    network=ColocNetworkConfig(
        bins=129, dense_units=32, trunk=CrnnConfig(filters=12, gru_units=32, dropout=0.0, frequency_pools=(4, 4, 4))
    ),
    chunks=ChunkConfig(swaps="none", chunk_s=1.5, step_s=1.5),
    steps=ColocStepsConfig(max_overlap=2, perturb_deg=1.0),
    optimizer=SeldOptimizerConfig(learning_rate=5e-3, batch_size=4, epochs=80, constant_epochs=50),
)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two recordings of 3 s: per second one or two tones of different classes, each from its direction."""
    folder = tmp_path_factory.mktemp("coloc")
    found = []
    for number in range(2):
        rng = np.random.default_rng(number)
        samples, rows = 0.001 * rng.normal(size=(3 * RATE, 4)), []
        times = np.arange(RATE) / RATE
        for second in range(3):
            azimuth = rng.uniform(-180, 180)
            for source in range(1 + second % 2):
                k, angle = (second + source + number) % CLASSES, (azimuth + 120 * source + 180) % 360 - 180
                x, y, z = direction_from_angles(np.radians(angle), 0.0)
                tone = 0.2 * np.sin(2 * np.pi * (400, 1500, 5000)[k] * times)
                samples[second * RATE : (second + 1) * RATE] += tone[:, None] * np.array([1, y, z, x])
                rows += [EventRow(10 * second + f, k, source, angle, 0) for f in range(10)]
        sound, truth = folder / f"mix{number}.wav", folder / f"mix{number}.csv"
        soundfile.write(sound, samples, RATE, subtype="PCM_16")
        write_events(truth, rows)
        found.append(EventRecording(f"mix{number}", sound, partial(read_events, truth), "train"))
    return tuple(found)


def test_four_chunks_are_learned_by_heart(recordings, tmp_path):
    trained = train_coloc(RECIPE, recordings, recordings, tmp_path, seed=1, machine=Machine("cpu", threads=1))
    scores = trained.scores
    assert scores["conditional_accuracy"] > 0.9
    assert scores["doa_error_deg"]["(1,0)"] < 15 and scores["doa_error_deg"]["(2,1)"] < 30
    assert scores["max_overlap_2"]["micro"]["f20"] > 0.7
    assert scores["threshold"] in THRESHOLDS
    assert json.loads((tmp_path / "scores.json").read_text())["localizer"]["epochs"] == 80
    assert (tmp_path / "localizer.pt").is_file() and (tmp_path / "classifier.pt").is_file()


def test_the_length_of_an_event_is_chosen_on_validation(recordings):
    """A localizer whose events are 0.45 long and whose noise is 0.25 long: 0.3 and 0.4 part them."""
    recipe = replace(RECIPE, height=1, steps=ColocStepsConfig(max_overlap=1, perturb_deg=0.0))
    chunks = EventChunks(recordings, replace(RECIPE.chunks, chunk_s=1.0), labels_of(recipe))
    recipe = replace(recipe, chunks=chunks.config)
    truth = iter([chunk for chunk in list(chunks) for _ in THRESHOLDS])
    current = {}

    def localizer(features, told, step):
        current.update(next(truth))
        directions = torch.from_numpy(current["directions"][0].copy())  # (frames, 3)
        directions[5:] = torch.tensor([0.0, 0.0, 0.25 / 0.45])  # false: nothing is above
        return 0.45 * directions[None]

    def classifier(features, directions):
        return 20.0 * torch.nn.functional.one_hot(torch.from_numpy(current["classes"][0]), CLASSES + 1)[None].float()

    assert choose_event_threshold(localizer, classifier, recipe, chunks) == 0.3


def test_labels_hide_what_is_to_be_found(recordings):
    recipe = replace(RECIPE, height=3, steps=ColocStepsConfig(perturb_deg=0.0))
    labels = labels_of(recipe)
    rows = [EventRow(f, k, 0, 50.0 * k, 10) for f in range(4) for k in range(3)]
    steps = set()
    for seed in range(30):
        made = labels(rows, 6, np.random.default_rng(seed))
        step = int(made["step"])
        steps.add(step)
        assert np.allclose(made["told"][:step], made["directions"][:step], atol=1e-6)
        assert not made["told"][step:].any() and made["told"].shape == (2, 6, 3)
        (row,) = [r for r in range(3) if np.allclose(made["asked"], made["directions"][r], atol=1e-6)]
        assert np.array_equal(made["asked_classes"], made["classes"][row])
    assert steps == {0, 1, 2}  # the last step of inference is trained too


def test_shares_of_real_and_synthetic_chunks(recordings):
    chunks = EventChunks([recordings[0], recordings[1]], RECIPE.chunks, labels_of(RECIPE), training=True)
    chunks.starts = [(0, 0), (1, 0), (1, 15), (1, 30)]
    assert _shares(chunks, 1, 0.5) == pytest.approx([0.5, 1 / 6, 1 / 6, 1 / 6])


def test_errors_are_those_to_the_nearest_event_that_remains():
    east, north, west = ([1.0, 0, 0], [0, 1.0, 0], [-1.0, 0, 0])
    stacked = np.zeros((2, 3, 3))
    stacked[0], stacked[1, 2] = [east, west, east], north
    predicted = np.array([direction_from_angles(np.radians(a), 0.0) for a in (10, 160, 60)])
    errors = ConditionedErrors()
    errors.add(predicted, stacked, 0)
    errors.add(predicted, stacked, 1)
    assert errors.means_deg() == pytest.approx({"(1,0)": 15, "(2,0)": 30, "(2,1)": 30})


def test_conditional_accuracy_counts_events_only():
    named, true = np.array([[0, 1, 2, 1]]), np.array([[0, 2, 3, 1]])  # 3: nothing there
    assert conditional_accuracy([named], [true], 3) == pytest.approx(2 / 3)


def test_a_recipe_is_its_mapping():
    assert from_mapping(ColocRecipe, to_mapping(RECIPE)) == RECIPE
