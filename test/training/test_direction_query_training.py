# ruff: noqa: E402
"""The query learns from a stock of scenes, and its ONNX file answers as it does, for other lengths and numbers of questions."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("lightning", reason="training room")

from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.geometry import direction_from_angles
from avloc_ros.models.sound_events.direction_query import DirectionQueryConfig
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import read_weights
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.sources.event_bank import BankShape, EventBank
from avloc_ros.systems.asked_paths import AskedNetwork
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.training.recipes import load_recipe
from avloc_ros.training.sound_events.bank_loop import BankTime
from avloc_ros.training.sound_events.direction_query import (
    DirectionQueryRecipe,
    make_query,
    train_direction_query,
)
from avloc_ros.training.sound_events.direction_query_weights import example_query, write_query
from avloc_ros.training.sound_events.scene_stock import SceneStock
from avloc_ros.types import InputError

RATE, FRAMES = 24000, 20
RECIPE = DirectionQueryRecipe(
    network=DirectionQueryConfig(filters=(4, 6, 8, 8), gru_units=8, dense_units=8),
    chunks=ChunkConfig(chunk_s=1.0, swaps="rotations"),
    batch_size=2,
)


@pytest.fixture
def bank(tmp_path):
    """Two scenes, each of a sound that comes from the left or from behind."""
    shape = BankShape(2, FRAMES, RATE // 10, 0, 3, 0, 0, len(STARSS_CLASSES))
    shape.make(tmp_path / "banks" / "0")
    opened, rng = EventBank(tmp_path / "banks" / "0", writable=True), np.random.default_rng(0)
    for scene, azimuth_deg in enumerate((90.0, 180.0)):
        x, y, z = direction_from_angles(np.radians(azimuth_deg), 0.0)
        sound = 3000 * rng.normal(size=(FRAMES * RATE // 10, 1)) * np.array([1, y, z, x])
        rows = [EventRow(frame, scene, 0, azimuth_deg, 0.0) for frame in range(FRAMES)]
        opened.put(scene, sound.astype(np.int16), [], rows)
    BankShape(**{**vars(shape), "kept": (0, 1)}).write(tmp_path / "banks" / "0")
    return tmp_path / "banks"


def test_a_step_makes_the_answers_better(bank, tmp_path):
    torch.manual_seed(0)
    stock = SceneStock(bank, RECIPE.chunks, torch.device("cpu"), 10)
    stock.take_in()
    told: list[str] = []
    plan = BankTime(5.0, 0.02, validations=2, of_processor=True)
    run = train_direction_query(RECIPE, stock, stock, tmp_path, plan, 0, told.append)
    assert run.steps > 3 and (tmp_path / "query.last.pt").is_file() and (tmp_path / "recipe.yaml").is_file()
    losses = [float(line.split("validation loss ")[1].split(",")[0]) for line in told if "validation loss" in line]
    assert losses[-1] < 0.3 and np.isfinite(losses).all()
    network = make_query(RECIPE)
    network.load_state_dict(torch.load(tmp_path / "query.last.pt", weights_only=True))
    assert network.get_buffer("deviation").min() > 0 and not torch.equal(network.get_buffer("mean"), torch.zeros(9, 1, 64))


def test_a_start_brings_all_but_the_last_layer():
    recipe = load_recipe("own_sounds")
    begun, again = make_query(recipe, 5).state_dict(), make_query(recipe, 13).state_dict()
    fresh = make_query(replace(recipe, start=""), 5).state_dict()
    last = {name for name in begun if name.startswith("out.2.")}
    assert all(torch.equal(again[name], value) for name, value in begun.items() if name not in last)
    assert not torch.equal(again["out.2.weight"][:5], begun["out.2.weight"]) and len(begun["out.2.bias"]) == 5
    for name in ("blocks.0.weight", "blocks.1.bias", "gru.weight_hh_l1_reverse", "gru.bias_ih_l0", "out.0.weight", "mean"):
        assert not torch.equal(fresh[name], begun[name])
    with pytest.raises(InputError, match="other sizes"):
        make_query(replace(RECIPE, start="direction_query"))


def test_the_onnx_file_answers_as_torch_does_and_is_taken_by_the_system(tmp_path):
    torch.manual_seed(1)
    network = make_query(RECIPE).eval()
    path = write_query(network, RECIPE, 0.4, {"metrics": {}}, {}, "test", 0, tmp_path / "query.onnx")
    card = read_weights(path).card
    assert card["largest_difference_to_torch"]["fp32"] < 1e-4 and card["threshold"] == 0.4
    example = example_query(RECIPE, 7, 4)
    with torch.no_grad():
        wanted = network(*example.values()).numpy()
    found = OnnxEngine(path, "cpu").run({name: value.numpy() for name, value in example.items()})["logits"]
    assert found.shape == (1, 4, 7, 13) and np.abs(found - wanted).max() < 2e-2  # weights of 16 bits
    constants = [node.attribute[0].SerializeToString() for node in onnx.load(path).graph.node if node.op_type == "Constant"]
    assert len(set(constants)) == len(constants)  # the mel bands are held once
    inner = SimpleNamespace(classes=STARSS_CLASSES, frames=20, sample_rate_hz=RATE, channels=4, picture_size=None, name="inner",
                            on=0.5, off=0.35, engines=(), events=lambda samples, pictures, newest: [[]] * newest)  # fmt: skip
    asked = AskedNetwork(inner, EventNetworkConfig(device="cpu", query=str(path)))
    assert (asked.on, asked.off) == pytest.approx((0.4, 0.36))
    noise = np.random.default_rng(0).normal(size=(2 * RATE, 4)).astype(np.float32) * 0.1
    assert len(asked.events(noise, None, 3)) == 3 and len(asked.events(noise, None, 20)) == 20
