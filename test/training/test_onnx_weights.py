# ruff: noqa: E402
"""An exported network becomes the same torch network again, one that can go on learning."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx", reason="torch exports through onnx")
pytest.importorskip("lightning", reason="training room")

from torch import nn

from avloc_ros.models.sound_events.crnn import CrnnConfig, SeldCrnn, SeldCrnnConfig
from avloc_ros.models.sound_events.direction_query import DirectionQueryConfig
from avloc_ros.training.onnx_export import stored_as_float16
from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe, make_query
from avloc_ros.training.sound_events.direction_query_weights import example_query, query_model
from avloc_ros.training.sound_events.export import export_onnx
from avloc_ros.training.sound_events.onnx_weights import torch_weights, unfold_norms
from avloc_ros.types import InputError

CRNN = SeldCrnnConfig(
    feature_channels=3, bands=16, classes=4, attention_layers=2, heads=2, dense_units=6,
    trunk=CrnnConfig(filters=4, frequency_pools=(2, 2), time_pools=(5, 1), gru_units=8, gru_layers=2),
)  # fmt: skip
QUERY = DirectionQueryRecipe(network=DirectionQueryConfig(filters=(4, 6, 8, 8), gru_units=8, dense_units=8))


def lively(network):
    """Norms that have learnt something."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 2.0)
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    return network.eval()


@torch.no_grad()
def test_the_baseline_says_the_same_when_it_comes_back(tmp_path):
    network, features = lively(SeldCrnn(CRNN)), torch.randn(2, 3, 20, 16)
    network.set_scaler(torch.randn(3, 16), torch.rand(3, 16) + 0.5)
    export_onnx(network, {"features": features}, "vectors", tmp_path / "crnn.onnx")
    again = SeldCrnn(CRNN).eval()
    again.load_state_dict(torch_weights(tmp_path / "crnn.onnx", again))
    assert torch.allclose(again(features), network(features), atol=1e-5)
    assert not torch.allclose(SeldCrnn(CRNN).eval()(features), network(features), atol=1e-2)


@torch.no_grad()
def test_a_query_in_16_bits_says_the_same_and_goes_on_from_there(tmp_path):
    network, path = lively(make_query(QUERY)), tmp_path / "query.onnx"
    example = example_query(QUERY, 6, 3)
    path.write_bytes(stored_as_float16(query_model(network, QUERY)))
    again = make_query(QUERY).eval()
    again.load_state_dict(torch_weights(path, again))
    wanted = network(*example.values())
    assert torch.allclose(again(*example.values()), wanted, atol=5e-3)
    evidence = again.evidence(*example.values())
    told = again.of_evidence(evidence)
    unfold_norms(again, lambda: again.of_evidence(evidence))
    assert torch.allclose(again.of_evidence(evidence), told, atol=1e-4)
    for module in again.modules():
        module.training = isinstance(module, nn.BatchNorm2d)  # takes what the batch has, which is what it was given
    assert torch.allclose(again.of_evidence(evidence), told, atol=1e-3)


def test_another_network_is_refused(tmp_path):
    export_onnx(SeldCrnn(CRNN), {"features": torch.randn(1, 3, 20, 16)}, "vectors", tmp_path / "crnn.onnx")
    with pytest.raises(InputError, match="holds no DirectionQuery"):
        torch_weights(tmp_path / "crnn.onnx", make_query(QUERY))
