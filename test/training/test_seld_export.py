# ruff: noqa: E402
"""Exported networks answer as torch does; every shipped recipe is a recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

from avloc_ros.config import from_mapping, shipped_folder
from avloc_ros.models.sound_events.av_seld_visual import VisualEncoderConfig
from avloc_ros.models.sound_events.coloc import Classifier, Localizer
from avloc_ros.models.sound_events.coloc_ear import EarClassifier, EarLocalizer
from avloc_ros.models.sound_events.conformer import ConformerConfig
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.systems.coloc_ear import open_ear
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.training.sound_events.av_seld import make_network
from avloc_ros.training.sound_events.export import (
    example_av_seld,
    example_ear_localizer,
    export_av_seld,
    export_coloc,
    export_coloc_ear,
)
from avloc_ros.training.sound_events.recipes import AvSeldRecipe, ColocEarRecipe, ColocRecipe

KINDS = {"av_seld": AvSeldRecipe, "coloc": ColocRecipe, "coloc_ear": ColocEarRecipe}
FOLDER = shipped_folder() / "config" / "train"
NAMES = sorted(p.stem for pattern in ("av_seld_*.yaml", "coloc_*.yaml") for p in FOLDER.glob(pattern))


def recipe_of(name):
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return from_mapping(KINDS[content.pop("recipe")], content, name)


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_recipe_is_complete_and_fits_together(name):
    recipe = recipe_of(name)
    assert recipe.name == name
    if isinstance(recipe, ColocEarRecipe):
        assert len(open_ear(recipe.ear, EventNetworkConfig(device="cpu")).classes) == recipe.classes
        return
    features = recipe.array_features if getattr(recipe, "input", "foa") != "foa" else recipe.features
    hops = recipe.chunks.samples // features.hop_length
    if isinstance(recipe, ColocRecipe):
        assert recipe.network.bins == features.fft_length // 2 + 1
        assert hops == recipe.chunks.frames * int(np.prod(recipe.network.trunk.time_pools))
        return
    bands = recipe.network.bands if recipe.system == "av_seld" else recipe.crnn.bands
    assert bands == features.mel_bands
    per_frame = int(np.prod(recipe.crnn.trunk.time_pools)) if recipe.system == "seld_crnn" else (
        recipe.network.audio_encoder.hops_per_frame
    )  # fmt: skip
    assert hops == recipe.chunks.frames * per_frame


def test_there_is_a_recipe_for_every_row_of_the_papers_table():
    rows = {
        (r.network.audio, r.network.visual, r.network.fusion.kind)
        for r in map(recipe_of, NAMES)
        if isinstance(r, AvSeldRecipe) and r.system == "av_seld"
    }
    wanted = {
        (True, "i3d", "cmaf"),
        (True, "i3d", "conformer"),
        (True, "resnet50", "cmaf"),
        (True, "resnet50", "conformer"),
    }
    wanted |= {(True, "resnet50", "cross_attention"), (True, "resnet50", "gru"), (True, "both", "conformer")}
    wanted |= {(False, "resnet50", "conformer"), (True, "none", "conformer")}
    assert wanted <= rows and {"av_seld_baseline_2022", "av_seld_baseline_2023"} <= set(NAMES)


EYES = VisualEncoderConfig(96, 224, 112, plain_channels=(8, 16), every=3, conformer=ConformerConfig(1, 4, 192, 11, 0.0))


def small(kind="conformer", visual="plain", **changes):
    recipe = recipe_of("av_seld_small")
    fusion = replace(recipe.network.fusion, kind=kind)
    network = replace(recipe.network, fusion=fusion, visual=visual, visual_encoder=EYES, **changes)
    return replace(recipe, network=network, chunks=replace(recipe.chunks, chunk_s=0.8))


@pytest.mark.parametrize(
    "recipe",
    [
        *(small(kind) for kind in ("conformer", "cmaf", "gru")),
        small(audio=False),
        small(visual="none"),
        replace(recipe_of("av_seld_small"), chunks=replace(recipe_of("av_seld_small").chunks, chunk_s=0.9)),
        recipe_of("av_seld_baseline_2023"),
    ],
    ids=["conformer", "cmaf", "gru", "eyes", "ears", "eyes that point", "baseline"],
)
def test_av_seld_in_onnx(recipe, tmp_path):
    torch.manual_seed(0)
    network = make_network(recipe)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.running_mean, -0.2, 0.2)  # as after training: not the identity
    for parameter in getattr(getattr(network, "seeing", None), "parameters", list)():  # as after training: they say something
        torch.nn.init.normal_(parameter, std=0.05)
    path = tmp_path / "network.onnx"
    assert export_av_seld(network, recipe, path) < 1e-4
    inputs = {name: value.numpy() + np.float32(0.1) for name, value in example_av_seld(recipe).items()}
    found = OnnxEngine(path, "cpu").run(inputs)["vectors"]
    with torch.no_grad():
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        expected = network.eval()(**tensors).numpy()
    assert found.shape == (1, recipe.chunks.frames, 117) and np.abs(found - expected).max() < 1e-4


def test_in_silence_nobody_asks_the_eyes(tmp_path):
    torch.manual_seed(0)
    recipe = recipe_of("av_seld_small")
    network = make_network(replace(recipe, chunks=replace(recipe.chunks, chunk_s=0.6)))
    torch.nn.init.zeros_(network.head[1].weight)
    torch.nn.init.zeros_(network.head[1].bias)
    assert export_av_seld(network, replace(recipe, chunks=replace(recipe.chunks, chunk_s=0.6)), tmp_path / "quiet.onnx") == 0.0


def test_coloc_in_onnx(tmp_path: Path):
    torch.manual_seed(0)
    recipe = recipe_of("coloc_small")
    localizer, classifier = Localizer(recipe.network), Classifier(recipe.network, recipe.classes)
    assert export_coloc(localizer, classifier, recipe, tmp_path) < 1e-4
    engine = OnnxEngine(tmp_path / "localizer.onnx", "cpu")
    rng = np.random.default_rng(1)
    features = rng.normal(size=(1, 11, 120, 257)).astype(np.float32)
    for step in (0.0, 1.0, 2.0):  # the number of conditions is an input, not part of the graph
        told = np.zeros((1, 2, 30, 3), np.float32)
        told[0, : int(step), ::3] = rng.normal(size=(int(step), 10, 3))
        inputs = {"features": features, "told": told, "step": np.array([step], np.float32)}
        with torch.no_grad():
            expected = localizer.eval()(*(torch.from_numpy(v) for v in inputs.values())).numpy()
        assert np.abs(engine.run(inputs)["direction"] - expected).max() < 1e-4


def test_coloc_on_an_ear_in_onnx(tmp_path: Path):
    torch.manual_seed(0)
    recipe = recipe_of("coloc_ear")
    ear = open_ear(recipe.ear, EventNetworkConfig(device="cpu"))
    localizer, classifier = EarLocalizer(recipe.network, recipe.classes, 2), EarClassifier(recipe.network, recipe.classes)
    for last in (localizer.judge[-1], localizer.mean.direct.learned[-1], classifier.out[-1]):  # as after training
        torch.nn.init.normal_(last.weight, std=0.1)
    assert export_coloc_ear(localizer, classifier, recipe, ear, tmp_path) < 1e-4
    engine, inputs = OnnxEngine(tmp_path / "localizer.onnx", "cpu"), example_ear_localizer(recipe, ear)
    for step in (0.0, 2.0):
        inputs |= {"step": torch.tensor([step]), "told": torch.zeros_like(inputs["told"])}
        for row in range(int(step)):
            inputs["told"][0, row, ::3] = torch.tensor([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]])[row]
        with torch.no_grad():
            expected = localizer.eval()(*inputs.values()).numpy()
        found = engine.run({name: value.numpy() for name, value in inputs.items()})["direction"]
        assert np.abs(found - expected).max() < 1e-4
