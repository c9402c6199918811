"""CoLoC's networks: parameter counts of the report, and what they are conditioned on."""

# ruff: noqa: E402
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from avloc_ros.models.coloc import Classifier, ColocNetworkConfig, Localizer
from avloc_ros.models.crnn import CrnnConfig

TINY = ColocNetworkConfig(bins=32, dense_units=8, trunk=CrnnConfig(filters=8, gru_units=8, dropout=0.0))


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_the_counts_of_the_report():
    localizer, classifier = Localizer(ColocNetworkConfig()), Classifier(ColocNetworkConfig(), 13)
    assert parameters(localizer.encoder) == parameters(classifier.encoder) == 20
    assert parameters(localizer) - 20 == 2_300_547
    assert parameters(classifier) - 20 == 2_301_966


def test_five_seconds_give_fifty_frames():
    localizer = Localizer(ColocNetworkConfig()).eval()
    with torch.no_grad():
        found = torch.zeros(1, 2, 50, 3)
        assert localizer(torch.zeros(1, 11, 250, 513), found, torch.zeros(1)).shape == (1, 50, 3)
        classifier = Classifier(ColocNetworkConfig(), 13).eval()
        assert classifier(torch.zeros(1, 11, 250, 513), found[:, 0]).shape == (1, 50, 14)


def test_the_condition_is_the_mean_of_the_encodings_or_the_origin():
    """Per frame: step 2 with two, one, no events found; the expected encoding written out."""
    torch.manual_seed(0)
    network = Localizer(TINY).eval()
    first, second = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0.6, 0.8])
    found = torch.zeros(1, 2, 3, 3)
    found[0, 0, 0], found[0, 1, 0], found[0, 0, 1] = first, second, first
    seen = {}
    network.conditioned = lambda features, encoding: seen.setdefault("encoding", encoding)
    network(torch.zeros(1, 11, 15, 32), found, torch.tensor([2.0]))
    encode = network.encoder
    expected = [(encode(first) + encode(second)) / 2, encode(torch.zeros(3)), encode(torch.zeros(3))]
    assert torch.allclose(seen["encoding"][0], torch.stack(expected), atol=1e-6)


def test_a_condition_changes_its_own_frames_first():
    """The encoding of a label frame stands beside the five analysis frames that belong to it."""
    torch.manual_seed(0)
    network = Classifier(TINY, 3).eval()
    got = {}
    network.trunk.register_forward_hook(lambda module, args, output: got.update(stacked=args[0]))
    directions = torch.zeros(1, 4, 3)
    directions[0, 2] = torch.tensor([0, 1.0, 0])
    network(torch.zeros(1, 11, 20, 32), directions)
    condition = got["stacked"][0, 11:]  # (5, 20, 32)
    differs = (condition != condition[:, :1, :1]).any(0)  # (20, 32)
    assert differs.all(1).tolist() == [10 <= t < 15 for t in range(20)] == differs.any(1).tolist()
