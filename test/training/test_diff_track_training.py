"""Training runs that must learn a handful of cases by heart."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning", reason="training runs on lightning")


from avloc_ros.config import from_mapping
from avloc_ros.datasets.tracks.association_cases import AssociationCasesConfig
from avloc_ros.datasets.tracks.tracked_segments import TrackedSegment, TrackedSegments, TrackedSegmentsConfig
from avloc_ros.models.diff_track.hungarian import HungarianNetworkConfig
from avloc_ros.models.diff_track.localizer import LocalizerNetworkConfig
from avloc_ros.simulation.sound.moving_sources import MovingSourcesConfig
from avloc_ros.training.diff_track import hungarian as diff_track_hungarian, localizer as diff_track_localizer
from avloc_ros.training.diff_track.hungarian import HungarianRecipe
from avloc_ros.training.diff_track.localizer import LocalizerRecipe, fit, score_localizer
from avloc_ros.types import InputError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def hungarian(tmp_path_factory):
    """Trained for seconds: sure of the easy cases, which is what these tests have."""
    folder = tmp_path_factory.mktemp("hungarian")
    recipe = HungarianRecipe(
        network=HungarianNetworkConfig(hidden=32),
        cases=AssociationCasesConfig(hard_share=0.7),
        learning_rate=0.01,
        steps=500,
        validate_every_steps=250,
        validation_cases=2000,
    )
    diff_track_hungarian.train(recipe, folder, seed=0)
    record = json.loads((folder / "training.json").read_text())
    assert [point["step"] for point in record["course"]] == [250, 500]
    assert record["best_f"] > 0.8  # chance is far below, and so is the start
    card = json.loads((folder / "diff_track_hungarian_2x2.card.json").read_text())
    assert card["metrics"]["exact"] > 0.6 and card["recipe"]["steps"] == 500
    return folder / "diff_track_hungarian_2x2.npz"


def test_scored_cases_are_drawn_evenly_however_those_to_learn_from_are():
    cases = AssociationCasesConfig(hard_share=0.3, off_sphere_share=0.2, close_share=0.5)
    scored = diff_track_hungarian.validated_cases(HungarianRecipe(cases=cases))
    assert scored == AssociationCasesConfig(hard_share=0.0, off_sphere_share=0.0, close_share=0.0)


def segments():
    """Two sources whose place is written into the features, plainly enough for any network."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(4):
        angles = rng.uniform(-np.pi, np.pi, 2) + np.array([0.0, 2.5])
        directions = np.stack([np.cos(angles), np.sin(angles), np.zeros(2)], axis=1)
        features = np.repeat(directions.reshape(6, 1), 60, axis=1)[:, :, None].repeat(8, axis=2)
        active = np.ones((12, 2), bool)
        active[: rng.integers(1, 6), 1] = False
        features[3:, : 5 * int((~active[:, 1]).sum())] = 0.0
        made.append(TrackedSegment(features.astype(np.float32), np.tile(directions, (12, 1, 1)), active))
    return TrackedSegments(made)


@pytest.mark.parametrize("loss", ["tracking", "mse", "pit_mse"])
def test_every_loss_learns_four_segments_by_heart(hungarian, loss):
    recipe = LocalizerRecipe(
        network=LocalizerNetworkConfig(feature_channels=6, bands=8, filters=16, recurrent=32),
        loss=loss,
        hungarian=str(hungarian),
        warm_up_epochs=20 if loss == "tracking" else 0,
        epochs=110,
        learning_rate=4e-3,
    )
    data = segments()
    network, course, _ = fit(recipe, data, data, seed=1)
    score = score_localizer(network, data, recipe)
    assert course[0]["lf"] < 0.9
    assert score.localization.lf > 0.8
    assert score.localization.le_deg < 8
    assert score.clear_mot.mota > 0.6


def test_train_draws_data_once_and_writes_its_record(hungarian, tmp_path):
    sources = MovingSourcesConfig(seconds=1.0, reflections=0)
    recipe = LocalizerRecipe(
        network=LocalizerNetworkConfig(filters=4, recurrent=4),
        data=TrackedSegmentsConfig(sources=sources, train_segments=2, val_segments=1, test_segments=1),
        hungarian=str(hungarian),
        epochs=1,
    )
    diff_track_localizer.train(recipe, tmp_path / "run", seed=0, data_folder=tmp_path / "data")
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["test"]["references"] > 0 and record["recipe"]["loss"] == "tracking"
    kept = sorted((tmp_path / "data").rglob("*.npz"))
    times = [path.stat().st_mtime_ns for path in kept]
    diff_track_localizer.train(recipe, tmp_path / "run2", seed=0, data_folder=tmp_path / "data")
    assert len(kept) == 4 and [path.stat().st_mtime_ns for path in kept] == times


def test_recipes_that_contradict_themselves_are_refused():
    with pytest.raises(InputError, match="did you mean 'learning_rate'"):
        from_mapping(LocalizerRecipe, {"learning_rat": 0.1})
    with pytest.raises(InputError, match="must be equal"):
        HungarianRecipe(network=HungarianNetworkConfig(slots=3))
    recipe = LocalizerRecipe()
    with pytest.raises(InputError, match="time_pooling"):
        replace(recipe, network=LocalizerNetworkConfig(time_pooling=4))
    with pytest.raises(InputError, match="as many references as tracks"):
        replace(recipe, network=LocalizerNetworkConfig(tracks=3))
