# ruff: noqa: E402
"""CoLoC on an ear: what it is taught, and that the shipped way of running it tells what training scored."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")
soundfile = pytest.importorskip("soundfile")

from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.evaluation.seld.event_runs import events_by_chunks
from avloc_ros.geometry import direction_from_angles
from avloc_ros.simulation.events.event_sounds import event_sound
from avloc_ros.sources.dcase_csv import EventRow, read_events, write_events
from avloc_ros.systems.coloc import open_coloc
from avloc_ros.systems.coloc_ear import open_ear
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.training.recipes import load_recipe
from avloc_ros.training.sound_events.coloc_ear import classes_of_found, train_coloc_ear
from avloc_ros.training.sound_events.coloc_ear_evaluation import found_of, surer_than, told_of
from avloc_ros.training.sound_events.coloc_ear_weights import write_coloc_ear
from avloc_ros.training.sound_events.heard_chunks import hear, slots_of
from avloc_ros.training.sound_events.scores import recording_rows
from avloc_ros.types import InputError

RATE = 24000
CPU = EventNetworkConfig(device="cpu")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two recordings of 7 s without echoes: a telephone, then a telephone and clapping."""
    folder, found = tmp_path_factory.mktemp("coloc_ear"), []
    for number in range(2):
        rng = np.random.default_rng(number)
        samples, rows = 1e-4 * rng.normal(size=(7 * RATE, 4)), []
        for source, (kind, index, first_s) in enumerate((("telephone", 3, 1), ("clapping", 2, 3))):
            azimuth = (40 + 130 * source + 60 * number + 180) % 360 - 180
            x, y, z = direction_from_angles(np.radians(azimuth), 0.1)
            sound = 0.3 * event_sound(kind, 3.0, RATE, rng)
            samples[first_s * RATE : first_s * RATE + len(sound)] += sound[:, None] * np.array([1, y, z, x])
            rows += [EventRow(10 * first_s + f, index, source, azimuth, np.degrees(0.1)) for f in range(30)]
        sound_file, truth = folder / f"mix{number}.wav", folder / f"mix{number}.csv"
        soundfile.write(sound_file, samples, RATE, subtype="PCM_16")
        write_events(truth, sorted(rows, key=lambda row: row.frame))
        found.append(EventRecording(f"mix{number}", sound_file, partial(read_events, truth), "train"))
    return tuple(found)


def test_the_live_network_tells_what_training_scored(recordings, tmp_path):
    recipe = load_recipe("coloc_ear", {"localizer_s": 2.0, "classifier_s": 2.0, "batch_size": 2})
    trained = train_coloc_ear(recipe, recordings, recordings, tmp_path, seed=1, tell=lambda text: None)
    assert trained.scores["max_overlap_3"]["micro"]["f20"] > 0.5
    assert json.loads((tmp_path / "scores.json").read_text())["localizer"]["steps"] >= 1
    write_coloc_ear(trained, recipe, {}, {}, "test", tmp_path)
    network = open_coloc(replace(CPU, weights=str(tmp_path)))
    heard = hear(open_ear(recipe.ear, CPU), recordings, recipe.height)
    steps = replace(recipe.steps, event_threshold=trained.scores["threshold"])
    told = told_of(trained.localizer, trained.classifier, recipe, heard, steps)
    expected = recording_rows(surer_than(told, trained.scores["class_threshold"]), heard.chunks)
    assert expected["mix0"]
    for recording in recordings:
        rows = events_by_chunks(network, recording)
        wanted = expected[recording.name]
        assert [(row.frame, row.class_index) for row in rows] == [(row.frame, row.class_index) for row in wanted]
        angles = [np.degrees(np.arccos(min(1.0, a.direction @ b.direction))) for a, b in zip(rows, wanted, strict=True)]
        assert max(angles) < 1.0  # weights of 16 bits
    card = tmp_path / "localizer.card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"ear_sha256": "other"}))
    with pytest.raises(InputError, match="another 'av_seld_baseline_small'"):
        open_coloc(replace(CPU, weights=str(tmp_path)))


def test_a_search_of_all_chunks_at_once_finds_what_one_by_one_does(recordings):
    from avloc_ros.decode.coloc_steps import find_directions
    from avloc_ros.models.sound_events.coloc_ear import EarLocalizer

    recipe = load_recipe("coloc_ear")
    heard = hear(open_ear(recipe.ear, CPU), recordings, recipe.height)
    localizer = EarLocalizer(recipe.network, recipe.classes, 2).eval()
    found = found_of(localizer, heard, recipe, recipe.steps.event_threshold).numpy()
    for item in range(len(heard)):
        batch = heard.batch(torch.tensor([item]))

        def localize(told, step, batch=batch):
            with torch.no_grad():
                return localizer(batch["features"], batch["vectors"], *map(torch.from_numpy, (told, step))).numpy()

        wanted = find_directions(localize, found.shape[2], 2, recipe.steps)
        length = np.linalg.norm(found[item], axis=-1, keepdims=True)
        assert np.allclose(found[item] / np.maximum(length, 1e-6), wanted, atol=1e-3)
    assert (np.abs(found).sum(-1) > 0).any()


def test_a_found_direction_has_the_class_of_the_event_that_it_belongs_to():
    """Against the best of all pairings by closeness, one pair after the other."""
    rng = np.random.default_rng(0)
    near = np.cos(np.radians(25.0))
    for _ in range(30):
        true = rng.normal(size=(3, 3))
        true /= np.linalg.norm(true, axis=1, keepdims=True)
        found = true[rng.integers(0, 3, 3)] + 0.2 * rng.normal(size=(3, 3))
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        classes = rng.integers(0, 5, 3)
        named = classes_of_found(
            torch.tensor(found)[None, :, None], torch.tensor(true)[None, None], torch.tensor(classes)[None, None], 5
        )[0, :, 0]

        def closeness(order, found=found, true=true):
            cosines = sorted((found[row] @ true[slot] for row, slot in enumerate(order)), reverse=True)
            return [value if value > near else -1.0 for value in cosines]

        best = max(permutations(range(3)), key=closeness)
        wanted = [classes[slot] if found[row] @ true[slot] > near else 5 for row, slot in enumerate(best)]
        assert named.tolist() == wanted


def test_slots_hold_the_events_of_a_frame():
    rows = [EventRow(1, 4, 7, 90.0, 0.0), EventRow(1, 2, 3, 0.0, 0.0), EventRow(1, 0, 1, 0.0, 90.0)]
    slots = slots_of(rows, 3, 2, 13)
    assert slots["classes"].tolist() == [[13, 13], [4, 2], [13, 13]] and slots["sources"][1].tolist() == [7, 3]
    assert np.allclose(slots["directions"][1], [[0, 1, 0], [1, 0, 0]], atol=1e-6)
