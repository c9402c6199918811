"""From trained sound event networks to ONNX files that give the same answers, for robots without torch."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.features.directions.flow_features import flow_features_of_spectra
from avloc_ros.models.sound_events.av_seld import AvSeld
from avloc_ros.models.sound_events.coloc import Classifier, Localizer
from avloc_ros.models.sound_events.coloc_ear import EarClassifier, EarLocalizer
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.systems.av_seld import AvSeldNetwork
from avloc_ros.systems.event_network import FRAME_S
from avloc_ros.training.sound_events.recipes import AvSeldRecipe, ColocEarRecipe, ColocRecipe

OPSET = 17


class _LooksOnly(nn.Module):
    """An exported network names its inputs by position: this one has pictures as its first."""

    def __init__(self, network: AvSeld) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        return self.network(None, pictures)


def example_av_seld(recipe: AvSeldRecipe) -> dict[str, Tensor]:
    """Random inputs of one chunk: features (1, channels, analysis frames, bands) and / or pictures."""
    samples = torch.randn(1, recipe.chunks.channels, recipe.chunks.samples) * 0.1
    inputs = {}
    if recipe.hears:
        from avloc_ros.training.sound_events.av_seld import make_features

        inputs["features"] = make_features(recipe)(samples)
    if recipe.looks:
        width, height = recipe.picture_size
        inputs["pictures"] = torch.rand(1, recipe.chunks.frames, 3, height, width)
    return inputs


def example_localizer(recipe: ColocRecipe) -> dict[str, Tensor]:
    """Random features, told (1, rows, frames, 3) with one direction known in every second frame, and step (1,)."""
    told = torch.zeros(1, max(1, recipe.height - 1), recipe.chunks.frames, 3)
    told[0, 0, ::2] = nn.functional.normalize(torch.randn(told[0, 0, ::2].shape), dim=1)
    return {"features": _coloc_features(recipe), "told": told, "step": torch.ones(1)}


def example_classifier(recipe: ColocRecipe) -> dict[str, Tensor]:
    """Random features and directions (1, frames, 3)."""
    directions = nn.functional.normalize(torch.randn(1, recipe.chunks.frames, 3), dim=2)
    return {"features": _coloc_features(recipe), "directions": directions}


def export_av_seld(network: nn.Module, recipe: AvSeldRecipe, path: Path) -> float:
    """Write av_seld or the baseline as ONNX (output `vectors`); returns its largest difference from torch."""
    exported = _LooksOnly(network) if isinstance(network, AvSeld) and not recipe.hears else network
    return export_onnx(exported, example_av_seld(recipe), "vectors", path)


def export_coloc(localizer: Localizer, classifier: Classifier, recipe: ColocRecipe, folder: Path) -> float:
    """Write localizer.onnx (output `direction`) and classifier.onnx (`logits`); returns the largest difference from torch."""
    first = export_onnx(localizer, example_localizer(recipe), "direction", folder / "localizer.onnx")
    second = export_onnx(classifier, example_classifier(recipe), "logits", folder / "classifier.onnx")
    return max(first, second)


def example_ear_localizer(recipe: ColocEarRecipe, ear: AvSeldNetwork) -> dict[str, Tensor]:
    """What the ear makes of noise, with one direction told in every second frame, and step (1,)."""
    spectra = ear.spectra(np.random.default_rng(0).normal(size=(round(ear.frames * FRAME_S * ear.sample_rate_hz), 4)) * 0.1)
    told = torch.zeros(1, max(1, recipe.height - 1), ear.frames, 3)
    told[0, 0, ::2] = nn.functional.normalize(torch.randn(told[0, 0, ::2].shape), dim=1)
    features = torch.from_numpy(flow_features_of_spectra(spectra, ear.features))[None]
    return {"features": features, "vectors": _some_vectors(recipe, ear), "told": told, "step": torch.ones(1)}


def example_ear_classifier(recipe: ColocEarRecipe, ear: AvSeldNetwork) -> dict[str, Tensor]:
    """Random vectors of an ear, and directions (1, rows, frames, 3), some of them missing."""
    directions = nn.functional.normalize(torch.randn(1, recipe.steps.max_overlap, ear.frames, 3), dim=3)
    directions[:, -1, ::3] = 0.0
    return {"vectors": _some_vectors(recipe, ear), "directions": directions}


def export_coloc_ear(
    localizer: EarLocalizer, classifier: EarClassifier, recipe: ColocEarRecipe, ear: AvSeldNetwork, folder: Path
) -> float:
    """As export_coloc, of the networks on an ear."""
    first = export_onnx(localizer, example_ear_localizer(recipe, ear), "direction", folder / "localizer.onnx")
    second = export_onnx(classifier, example_ear_classifier(recipe, ear), "logits", folder / "classifier.onnx")
    return max(first, second)


def _some_vectors(recipe: ColocEarRecipe, ear: AvSeldNetwork) -> Tensor:
    return torch.tanh(torch.randn(1, ear.frames, 3 * 3 * recipe.classes))


@torch.no_grad()
def export_onnx(network: nn.Module, inputs: dict[str, Tensor], output: str, path: Path) -> float:
    """Write a network of one output, evaluating, for inputs of these shapes; returns its largest difference from torch."""
    network = network.cpu().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes on tracing
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=[output],
            opset_version=OPSET,
            dynamo=False,
        )
    expected = network(*inputs.values()).numpy()
    found = OnnxEngine(path, "cpu").run({name: value.numpy() for name, value in inputs.items()})[output]
    return float(np.abs(expected - found).max())


def _coloc_features(recipe: ColocRecipe) -> Tensor:
    from avloc_ros.training.sound_events.batched_features import BatchedColocFeatures

    return BatchedColocFeatures(recipe.features)(
        torch.randn(1, recipe.chunks.channels, recipe.chunks.samples) * 0.1
    )
