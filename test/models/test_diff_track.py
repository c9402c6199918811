"""Shapes, sizes and files of the networks of diff_track."""

from __future__ import annotations

import hashlib
import itertools
import json

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

pytest.importorskip("torch")

import torch

from avloc_ros.models.diff_track.hungarian import (
    FAR,
    WEIGHTS,
    HungarianNetwork,
    HungarianNetworkConfig,
    load_hungarian,
    save_hungarian,
)
from avloc_ros.models.diff_track.localizer import LocalizerNetwork, LocalizerNetworkConfig
from avloc_ros.types import InputError


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("two_way", [False, True])
@pytest.mark.parametrize("slots", [2, 5])
def test_hungarian_outputs_are_a_matrix_and_its_maxima(slots, two_way):
    network = HungarianNetwork(HungarianNetworkConfig(slots=slots, two_way=two_way))
    found = network(torch.rand(7, slots, slots))
    assert found.matrix.shape == (7, slots, slots)
    assert (found.of_reference == found.matrix.max(dim=2).values).all()
    assert (found.of_prediction == found.matrix.max(dim=1).values).all()


def test_hungarian_has_about_a_hundred_thousand_parameters():
    """GRU 2 -> 128, four bias-free 128 x 128 maps of attention, 128 -> 2."""
    expected = 3 * 128 * (2 + 128 + 2) + 4 * 128 * 128 + 128 * 2 + 2
    assert parameters(HungarianNetwork()) == expected == 116482
    both_ways = 2 * 3 * 64 * (2 + 64 + 2) + 4 * 128 * 128 + 128 * 2 + 2
    assert parameters(HungarianNetwork(HungarianNetworkConfig(two_way=True))) == both_ways == 91906
    with pytest.raises(InputError, match="must be even"):
        HungarianNetworkConfig(hidden=129, two_way=True)


def test_a_reduced_matrix_is_that_of_the_first_step_of_kuhns_method():
    """What it reads of a matrix does not change in its last two parts where a row, or a column, grows farther as a whole."""
    network = HungarianNetwork(HungarianNetworkConfig(slots=3, hidden=16, reduced=True))
    read = []
    network.recurrent.register_forward_hook(lambda _, inputs, __: read.append(inputs[0]))
    distances = torch.rand(5, 3, 3)
    network(distances)
    network(distances + torch.tensor([0.3, 0.1, 0.7])[:, None])
    network(distances + torch.tensor([0.3, 0.1, 0.7])[None, :])
    plain, rows, columns = read
    torch.testing.assert_close(plain[..., :3], distances)
    torch.testing.assert_close(plain[..., 3:6], rows[..., 3:6])
    torch.testing.assert_close(plain[..., 6:], columns[..., 6:])
    assert (plain[..., 3:6].amin(2) == 0).all() and (plain[..., 6:].amin(1) == 0).all()


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("two_way", [False, True])
def test_hungarian_weights_come_back_and_wrong_files_are_refused(tmp_path, two_way, reduced):
    network = HungarianNetwork(HungarianNetworkConfig(slots=3, hidden=16, two_way=two_way, reduced=reduced))
    save_hungarian(network, tmp_path / "w.npz")
    again = load_hungarian(tmp_path / "w.npz", 3)
    assert again.config == network.config
    distances = torch.rand(4, 3, 3)
    assert torch.allclose(network(distances).matrix, again(distances).matrix, atol=2e-3)
    with pytest.raises(InputError, match="needed are 2 x 2"):
        load_hungarian(tmp_path / "w.npz", 2)
    with pytest.raises(InputError, match="no weights"):
        load_hungarian(tmp_path / "nothing.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="holds no Hungarian network"):
        load_hungarian(tmp_path / "other.npz", 2)


@pytest.mark.parametrize("channels", [7, 10])
def test_localizer_gives_two_tracks_for_each_of_fifty_frames(channels):
    network = LocalizerNetwork(LocalizerNetworkConfig(feature_channels=channels)).eval()
    found = network(torch.randn(1, channels, 250, 64))
    assert found.directions.shape == (1, 50, 2, 3) and found.activity.shape == (1, 50, 2)
    assert found.directions.abs().max() <= 1


def test_a_causal_localizer_does_not_look_ahead():
    torch.manual_seed(0)
    network = LocalizerNetwork(LocalizerNetworkConfig(filters=8, recurrent=8, causal=True)).eval()
    features = torch.randn(1, 10, 100, 64)
    later = features.clone()
    later[:, :, 50:] += 1.0
    first, second = network(features).directions, network(later).directions
    assert torch.allclose(first[:, :10], second[:, :10], atol=1e-6)
    assert not torch.allclose(first[:, 10:], second[:, 10:], atol=1e-3)


def test_features_are_brought_to_the_scale_that_was_learned():
    network = LocalizerNetwork(LocalizerNetworkConfig(filters=8, recurrent=8)).eval()
    features = torch.randn(1, 10, 50, 64)
    plain = network(features).directions
    network.mean, network.deviation = torch.full((10, 1, 64), 5.0), torch.full((10, 1, 64), 2.0)
    assert torch.allclose(network(features * 2 + 5).directions, plain, atol=1e-5)


@pytest.mark.parametrize(
    ("slots", "combinations", "all_cases", "worst"),
    [(2, itertools.product(range(3), repeat=2), 0.994, 0.98), (3, itertools.product(range(1, 4), repeat=2), 0.97, 0.86)],
)
def test_a_shipped_network_assigns_as_scipy_does(slots, combinations, all_cases, worst):
    """Fresh cases, drawn here and solved by scipy: share that is exact, of all combinations and of the worst."""
    rng, network, exact = np.random.default_rng(20261125), load_hungarian(slots=slots), {}
    for references, predictions in combinations:
        vectors = rng.normal(size=(1500, 2, slots, 3))
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        distances = np.linalg.norm(vectors[:, 0, :, None] - vectors[:, 1, None], axis=-1)
        distances[:, references:] = distances[:, :, predictions:] = FAR
        expected = np.zeros(distances.shape, bool)
        for matrix, costs in zip(expected, distances, strict=True):
            rows, columns = linear_sum_assignment(costs)
            matrix[rows, columns] = costs[rows, columns] < FAR
        with torch.no_grad():
            found = network(torch.from_numpy(distances.astype(np.float32))).matrix.numpy() > 0
        exact[references, predictions] = (found == expected).all(axis=(1, 2)).mean()
    assert min(exact.values()) >= worst and np.mean(list(exact.values())) >= all_cases, exact


@pytest.mark.parametrize(("slots", "all_cases", "worst"), [(2, 0.994, 0.98), (3, 0.985, 0.9)])
def test_the_card_of_the_shipped_network_is_its_own(slots, all_cases, worst):
    path = WEIGHTS / f"diff_track_hungarian_{slots}x{slots}.npz"
    card = json.loads(path.with_suffix(".card.json").read_text())
    assert card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card["metrics"]["exact"] >= all_cases
    assert min(card["metrics"]["exact_by_references_and_predictions"].values()) >= worst
    assert {"name", "system", "licence", "recipe", "data", "seed", "command"} <= set(card)


def test_a_block_is_convolution_normalisation_relu_pooling():
    """In the order of the paper; the network rectifies after it pools, which is the same."""
    torch.manual_seed(2)
    network = LocalizerNetwork(LocalizerNetworkConfig(feature_channels=7, bands=16, filters=4, recurrent=8))
    features = torch.randn(2, 7, 20, 16)
    maps = (features - network.mean) / network.deviation
    for block, pooling in enumerate(((5, 2), (1, 2), (1, 2))):
        convolution, normalisation = network.convolutions[6 * block + 1], network.convolutions[6 * block + 2]
        maps = convolution(torch.nn.functional.pad(maps, (1, 1, 1, 1)))
        mean, variance = maps.mean(dim=(0, 2, 3), keepdim=True), maps.var(dim=(0, 2, 3), keepdim=True, unbiased=False)
        maps = (maps - mean) / (variance + normalisation.eps).sqrt()
        maps = torch.nn.functional.max_pool2d(maps.relu(), pooling)
    torch.testing.assert_close(network.train().maps(features), maps, rtol=1e-4, atol=1e-5)
