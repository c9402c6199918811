"""Calibration finds the numbers that outcomes were drawn from; the live weights answer as the network does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("lightning", reason="the recipe is lightning's")

import torch

from avloc_ros.datasets.tracks.tracked_segments import TrackedSegment, TrackedSegments, TrackedSegmentsConfig
from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig
from avloc_ros.models.diff_track.localizer import LocalizerNetwork, LocalizerNetworkConfig
from avloc_ros.runtime.diff_track_network import LiveLocalizer, live_weights
from avloc_ros.simulation.sound.moving_sources import MovingSourcesConfig
from avloc_ros.systems.diff_track_card import LiveCard
from avloc_ros.training.cards import Provenance
from avloc_ros.training.diff_track.direction_calibration import (
    TrackOutcomes,
    best_threshold,
    fit_calibration,
    track_outcomes,
)
from avloc_ros.training.diff_track.live import write_live
from avloc_ros.training.diff_track.localizer import LocalizerRecipe
from avloc_ros.types import InputError


def test_the_fit_finds_what_the_outcomes_were_drawn_from():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 6000)
    is_talker = rng.random(6000) < 1 / (1 + np.exp(-(1.5 * logits - 0.5)))
    draws = [stats.vonmises_fisher([0, 0, 1], k, seed=s).rvs(6000)[:, 2] for s, k in ((1, 400.0), (2, 25.0))]
    angles = np.degrees(np.arccos(np.where(rng.random(6000) < 0.3, draws[1], draws[0])))
    outcomes = TrackOutcomes(logits, np.where(is_talker, angles, np.nan), int(is_talker.sum()))
    found = fit_calibration(outcomes)
    assert found.slope == pytest.approx(1.5, rel=0.1) and found.intercept == pytest.approx(-0.5, abs=0.12)
    assert found.narrow == pytest.approx(400, rel=0.2) and found.wide == pytest.approx(25, rel=0.25)
    assert found.wide_share == pytest.approx(0.3, abs=0.06)
    assert 0.2 < best_threshold(outcomes, found, 20.0) < 0.6
    with pytest.raises(InputError, match="need 20 of each"):
        fit_calibration(TrackOutcomes(logits[:5], np.full(5, np.nan), 0))


def test_every_talker_takes_one_track():
    found = track_outcomes(
        [np.array([1.0, 2.0]), np.array([3.0, 4.0])], [np.array([[5.0, 8.0], [6.0, 30.0]]), np.array([[90.0, 70.0]])]
    )
    assert found.talkers == 3
    np.testing.assert_array_equal(found.angles_deg, [6.0, 8.0, np.nan, np.nan])


def test_live_weights_answer_as_the_network_and_their_card_says_how(tmp_path):
    torch.manual_seed(0)
    network = LocalizerNetwork(
        LocalizerNetworkConfig(feature_channels=7, bands=16, filters=8, recurrent=12, causal=True)
    ).eval()
    data = TrackedSegmentsConfig(
        "seven_mic_10cm",
        sources=MovingSourcesConfig(sample_rate_hz=16000),
        features=DirectionFeaturesConfig("foa", 16000, 320, 640, 1024, 16),
    )
    recipe = LocalizerRecipe(network=network.config, data=data)
    rng = np.random.default_rng(1)
    features = rng.normal(size=(7, 250, 16)).astype(np.float32)
    true = network(torch.from_numpy(features)[None]).directions[0].detach().numpy()  # one is always where it is said
    active = np.stack([np.arange(50) % 2 == 0, np.zeros(50, bool)], axis=1)
    validation = TrackedSegments([TrackedSegment(features, true, active)])
    path = write_live(network, recipe, validation, tmp_path / "live.onnx", {}, Provenance({}, {}, "test", 0))
    card = json.loads((tmp_path / "live.card.json").read_text())
    assert card["system"] == "diff_track_live" and card["largest_difference_to_torch"]["fp32"] < 1e-4
    weights = live_weights(str(path))
    assert LiveCard.of(weights).array is None and LiveCard.of(weights).label_s == pytest.approx(0.1)
    live = LiveLocalizer(weights)
    for _ in range(2):  # the second time after a reset
        found = [live.step(features[:, 5 * k : 5 * k + 5]) for k in range(50)]
        whole = network(torch.from_numpy(features)[None])
        np.testing.assert_allclose([d for d, _ in found], whole.directions[0].detach(), atol=1e-4)
        np.testing.assert_allclose([a for _, a in found], whole.activity[0].detach(), atol=1e-4)
        live.reset()
    both = LocalizerNetwork(LocalizerNetworkConfig(feature_channels=7, bands=16, filters=8, recurrent=12))
    with pytest.raises(InputError, match="causal: true"):
        write_live(both, recipe, validation, tmp_path / "both.onnx", {}, Provenance({}, {}, "test", 0))
