"""diff_track and asl_unet as ONNX files, checked against torch before they are written."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.models.diff_track.hungarian import HungarianNetwork
from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.models.diff_track.streaming import StreamingLocalizer
from avloc_ros.runtime.diff_track_network import STATES
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError

OPSET = 17
LARGEST_DIFFERENCE = 1e-4


def export_hungarian(network: HungarianNetwork, path: Path) -> float:
    """distances (batch, slots, slots) -> matrix, of_reference, of_prediction (logits). Returns the largest difference."""
    slots = network.config.slots
    inputs = {"distances": torch.rand(3, slots, slots) * 2}
    return _export(network, inputs, ("matrix", "of_reference", "of_prediction"), {0: "batch"}, path)


def export_localizer(network: LocalizerNetwork, path: Path, feature_frames: int = 50) -> float:
    """features (batch, channels, feature frames, bands) -> directions, activity (logits). Returns the largest difference."""
    config = network.config
    inputs = {"features": torch.randn(2, config.feature_channels, feature_frames, config.bands)}
    return _export(network, inputs, ("directions", "activity"), {0: "batch", 2: "feature_frames"}, path)


def export_live_localizer(network: LocalizerNetwork, path: Path) -> float:
    """features (1, channels, time_pooling, bands) of one label frame, and the state -> directions, activity, next state.

    Returns the largest difference. Raises InputError for a network that looks into the future.
    """
    config, streaming = network.config, StreamingLocalizer(network)
    generator = torch.Generator().manual_seed(0)
    inputs = {
        "features": torch.randn(1, config.feature_channels, config.time_pooling, config.bands, generator=generator)
    }
    for name, zeros in zip(STATES, streaming.first_state(), strict=True):
        inputs[name] = 0.5 * torch.randn(zeros.shape, generator=generator)
    outputs = ("directions", "activity", *(f"next_{name}" for name in STATES))
    return _export(streaming, inputs, outputs, {}, path)


def export_speaker_unet(network: SpeakerUNet, path: Path, bins: int = 257, spectra: int = 22) -> float:
    """pictures (batch, pictures, colours, rows, cols), sound (batch, channels, bins, spectra) -> mask, wearer (logits).

    With config.faces a third answer is the mask of all faces, with config.direction_filters a fourth are directions.
    Returns the largest difference.
    """
    config = network.config
    inputs = {
        "pictures": torch.randn(2, config.pictures, config.colours, config.rows, config.cols),
        "sound": torch.randn(2, config.audio_channels, bins, spectra),
    }
    outputs = ("mask", "wearer", *["faces"] * config.faces, *["directions"] * (config.direction_filters > 0))
    return _export(network, inputs, outputs, {0: "batch"}, path)


def _export(
    network: nn.Module, inputs: Mapping[str, Tensor], outputs: tuple[str, ...], free: dict[int, str], path: Path
) -> float:
    """Write the file. Raises InputError, and writes nothing, where onnxruntime answers differently from torch."""
    network = network.cpu().eval()
    buffer: Any = io.BytesIO()  # torch takes it, its type hints do not
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes on tracing
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            buffer,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: free for name in inputs},
            opset_version=OPSET,
            dynamo=False,
        )
    difference = largest_difference(network, buffer.getvalue(), inputs)
    if not difference < LARGEST_DIFFERENCE:
        raise InputError(
            f"{path.name}: ONNX and torch differ by {difference:.2g}, allowed {LARGEST_DIFFERENCE:g}: not written"
        )
    path.write_bytes(buffer.getvalue())
    return difference


@torch.no_grad()
def largest_difference(network: nn.Module, model: bytes | Path, inputs: Mapping[str, Tensor]) -> float:
    """Between what torch and onnxruntime say to the same inputs, over all outputs.

    An output whose values go beyond 1 counts in shares of its largest value: floats have no more digits than that.
    """
    expected = network.cpu().eval()(*inputs.values())
    found = OnnxEngine(model, "cpu").run({name: value.numpy() for name, value in inputs.items()})
    pairs = [(a.numpy(), b) for a, b in zip(expected, found.values(), strict=True)]
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(a).max())) for a, b in pairs)
