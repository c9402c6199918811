"""CoLoC's networks: parameter counts of the report, and what they are conditioned on."""

# ruff: noqa: E402
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from avloc_ros.models.sound_events.coloc import Classifier, ColocNetworkConfig, Localizer
from avloc_ros.models.sound_events.crnn import CrnnConfig

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


def slow_answers(network, features, encoding):
    """The report's way: the encoding beside the features in every bin of its five analysis frames, ReLU before the pool."""
    scaled = (features - network.feature_mean) / network.feature_deviation
    beside = torch.zeros(len(features), encoding.shape[2], *features.shape[2:], dtype=features.dtype)
    for frame in range(features.shape[2]):
        beside[:, :, frame] = encoding[:, frame // 5, :, None]
    maps = torch.cat([scaled, beside], 1)
    blocks = list(network.trunk.blocks)
    for convolution, norm, pool in zip(blocks[0::5], blocks[1::5], blocks[2::5], strict=True):
        maps = pool(norm(convolution(maps)).clamp_min(0.0))
    hidden = torch.tanh(network.trunk.gru(maps.transpose(1, 2).flatten(2))[0])
    units = hidden.shape[2] // 2
    return network.out(network.dense(hidden[..., :units] * hidden[..., units:]))


def test_answers_and_gradients_are_those_of_encodings_beside_the_features():
    """In float64, training (batch statistics), with directions that change from label frame to label frame."""
    torch.manual_seed(0)
    network = Classifier(TINY, 3).double()
    features = torch.randn(3, 11, 20, 32, dtype=torch.float64)
    network.set_scaler(features.mean((0, 2)), 2.0 * features.std((0, 2)))
    directions = torch.nn.functional.normalize(torch.randn(3, 4, 3, dtype=torch.float64), dim=2)
    weights = torch.randn(3, 4, 4, dtype=torch.float64)
    found, gradients = [], []
    for answer in (network(features, directions), slow_answers(network, features, network.encoder(directions))):
        network.zero_grad()
        (answer * weights).sum().backward()
        found.append(answer.detach())
        gradients.append({name: p.grad.clone() for name, p in network.named_parameters()})
    assert torch.allclose(*found, atol=1e-10)
    assert gradients[0]["encoder.0.weight"].abs().max() > 1e-3
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-9), name


def test_a_condition_is_heard_in_its_own_frames_first():
    """One convolution (3 analysis frames) sees the encoding of label frame 2 in its five analysis frames and one beside."""
    torch.manual_seed(0)
    network = Classifier(TINY, 3).eval()
    maps = []
    network.trunk.blocks[1].register_forward_hook(lambda module, args, output: maps.append(args[0]))
    directions = torch.zeros(1, 4, 3)
    for y in (0.0, 1.0):
        directions[0, 2, 1] = y
        network(torch.zeros(1, 11, 20, 32), directions)
    differs = (maps[0] != maps[1])[0].any(0)  # (20, 32)
    assert differs.all(1).tolist() == [9 <= t < 16 for t in range(20)] == differs.any(1).tolist()
