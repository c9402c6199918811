"""Every network answers the same from ONNX as from torch, for other batch sizes and lengths than the exporter saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx", reason="torch exports through onnx")
pytest.importorskip("lightning", reason="training room")

import torch

from avloc_ros.models.asl_unet.network import SpeakerUNet, SpeakerUNetConfig
from avloc_ros.models.diff_track.hungarian import load_hungarian
from avloc_ros.models.diff_track.localizer import LocalizerNetwork, LocalizerNetworkConfig
from avloc_ros.training import network_export
from avloc_ros.training.network_export import (
    export_hungarian,
    export_localizer,
    export_speaker_unet,
    largest_difference,
)
from avloc_ros.types import InputError

SMALL = SpeakerUNetConfig(
    rows=144, cols=256, colours=1, context_frames=2, time_maps=2, past_only=True, width=16, levels=2, patch=4, faces=True,
    audio_width=8, audio_channels=30, beams=24, dropout=0.2,
)  # config/train/asl_unet_small.yaml


def lively(network):
    """Weights and batch statistics that are not those of a fresh network."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if "running_var" in name:
                value.uniform_(0.5, 2.0)
            elif "running_mean" in name:
                value.normal_(0, 0.2)
    return network


def test_hungarian(tmp_path):
    network, path = load_hungarian(), tmp_path / "hungarian.onnx"
    assert export_hungarian(network, path) < 1e-4
    assert largest_difference(network, path, {"distances": torch.rand(11, 2, 2) * 10}) < 1e-4


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("channels", [7, 10])
def test_localizer(tmp_path, channels, causal):
    config = LocalizerNetworkConfig(feature_channels=channels, filters=16, recurrent=16, causal=causal)
    network, path = lively(LocalizerNetwork(config)), tmp_path / "localizer.onnx"
    network.mean, network.deviation = torch.full((channels, 1, 64), 0.3), torch.full((channels, 1, 64), 1.7)
    assert export_localizer(network, path) < 1e-4
    assert largest_difference(network, path, {"features": torch.randn(1, channels, 250, 64)}) < 1e-4


@pytest.mark.parametrize(("fusion", "ear", "directions"), [("early", 0, 0), ("bottleneck", 32, 24)])
def test_small_speaker_unet(tmp_path, fusion, ear, directions):
    config = replace(SMALL, fusion=fusion, ear_filters=ear, direction_filters=directions)
    network, path = lively(SpeakerUNet(config)), tmp_path / "asl_unet.onnx"
    assert export_speaker_unet(network, path, bins=64) < 1e-4
    inputs = {"pictures": torch.randn(1, 3, 1, 144, 256), "sound": torch.randn(1, 30, 64, 22)}
    assert largest_difference(network, path, inputs) < 1e-4
    assert path.stat().st_size < 6e6


def test_a_file_that_answers_differently_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(network_export, "LARGEST_DIFFERENCE", -1.0)
    with pytest.raises(InputError, match="not written"):
        export_hungarian(load_hungarian(), tmp_path / "h.onnx")
    assert not (tmp_path / "h.onnx").exists()
