"""`avloc train` from the outside: what it makes, and what it says to bad input."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from avloc_ros.cli.main import main
from avloc_ros.datasets.grids.grid_recordings import save_grids
from avloc_ros.runtime.weights import read_weights

_path = Path(__file__).resolve().parent.parent / "training" / "conftest.py"
_spec = importlib.util.spec_from_file_location("drawn_grids", _path)
drawn_grids = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(drawn_grids)

SHORT = ["--device", "cpu", "--threads", "1", "--set", "optimizer.max_epochs=1", "--set", "network.refine_filters=2"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grids")
    for seed in range(12):
        recording = drawn_grids.draw_recording(seed, 1 + seed % 4)
        save_grids(recording, folder / f"{recording.name}.npz")
    return folder


def test_a_recipe_on_cached_grids_leaves_weights_with_a_card(cache, tmp_path):
    out = tmp_path / "run"
    assert main(["train", "dsw_tiny", str(cache), "--out", str(out), "--seed", "3", *SHORT]) == 0
    weights = read_weights(out / "dsw_tiny.onnx")
    card = weights.card
    assert card["seed"] == 3 and card["recipe"]["network"]["refine_filters"] == 2
    assert card["data"]["train"]["recordings"] == 4 and card["data"]["test"]["by_talkers"] == dict.fromkeys("1234", 1)
    assert card["training"]["epochs"] == 1 and card["training"]["seconds"] > 0
    assert {"validation", "test"} == set(card["metrics"]) and "processor" in card["machine"]
    assert "val_loss" in (out / "log" / "run0" / "metrics.csv").read_text()
    assert json.loads((out / "dsw_tiny.card.json").read_text()) == card


def test_resume_goes_on_where_it_stopped(cache, tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ["train", "dsw_tiny", str(cache), "--out", str(out), *SHORT]
    assert main(arguments) == 0
    assert main(arguments) == 2 and "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume", "--set", "optimizer.max_epochs=2"]) == 0
    assert read_weights(out / "dsw_tiny.onnx").card["training"]["epochs"] == 2
    steps = np.genfromtxt(out / "log" / "run1" / "metrics.csv", delimiter=",", names=True, usecols=("epoch",))["epoch"]
    assert steps.min() == 1  # the second run trained the second epoch only


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dsw_tiny"], "--out DIR is missing"),
        (["dsw_tiny", "--out", "{tmp}/new"], "name the folder of cached grids"),
        (["dsw_tiny", "{tmp}/none", "--out", "{tmp}/new"], "no such folder"),
        (["dsw_tiny", "{cache}", "--out", "{tmp}/new", "--validation", "{cache}"], "belong together"),
        (["dsw_tiny", "{cache}", "--out", "{tmp}/new", "--set", "network.kind"], "need NAME=VALUE"),
        (["dsw_tiny", "{cache}", "--out", "{tmp}/new", "--devices", "0"], "need at least 1"),
        (["grids", "--out", "{tmp}/new"], "name the scenes"),
        (["dsw_huge", "{cache}", "--out", "{tmp}/new"], "no recipe 'dsw_huge'"),
        (["dsw_fusion_flat", "{cache}", "--out", "{tmp}/new", "--set", "network.refine=false"], "nothing to train"),
    ],
)
def test_bad_input_is_said(cache, tmp_path, capsys, arguments, words):
    filled = [text.format(tmp=tmp_path, cache=cache) for text in arguments]
    assert main(["train", *filled]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_list_names_the_recipes(capsys):
    assert main(["train", "list"]) == 0
    assert "dsw_fusion_spatial_gpu" in capsys.readouterr().out
