# ruff: noqa: E402
"""Eyes joined to an ear: at first they change nothing, what is kept is turned as scenes are, and only what joins them learns."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from avloc_ros.config import shipped_folder
from avloc_ros.datasets.events.channel_swap import AVCS_SWAPS
from avloc_ros.geometry import direction_from_angles
from avloc_ros.models.sound_events.seen_events import cells_of
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.sources.event_bank import BankShape, EventBank
from avloc_ros.training.recipes import load_recipe
from avloc_ros.training.sound_events.av_seld import make_network
from avloc_ros.training.sound_events.bank_batches import BankBatches
from avloc_ros.training.sound_events.bank_loop import BankTime
from avloc_ros.training.sound_events.bank_training import BankPlace
from avloc_ros.training.sound_events.eyes_on_ear import KeptMaps, heard_chunks
from avloc_ros.training.sound_events.joined_training import JoinedPlan, train_joined_on_bank, with_ear
from avloc_ros.types import InputError

FRAMES, CPU = 60, torch.device("cpu")


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("av_seld_small", {"network.seen.channels": [4, 4, 8], "network.seen.context_channels": 8})


@pytest.fixture(scope="module")
def ear(recipe, tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("ear") / "network.pt"
    torch.save(make_network(replace(recipe, network=replace(recipe.network, visual="none"))).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Two scenes of 6 s: a white square where class 3 sounds, all the time."""
    folder, chance = tmp_path_factory.mktemp("scenes") / "bank", np.random.default_rng(0)
    shape = BankShape(2, FRAMES, 2400, 20, 3, 112, 224, 13, kept=(0, 1))
    shape.make(folder)
    opened = EventBank(folder, writable=True)
    for scene, azimuth in enumerate((100.0, -35.0)):
        x, y, z = direction_from_angles(np.radians(azimuth), 0.0)
        sound = chance.normal(0, 2000, FRAMES * 2400)[:, None] * np.array([1, y, z, x])
        picture = np.zeros((112, 224, 3), np.uint8)
        column = int((180 - azimuth) * 224 / 360)
        picture[53:59, column - 3 : column + 3] = 255
        rows = [EventRow(frame, 3, 0, azimuth, 0.0) for frame in range(FRAMES)]
        opened.put(scene, sound.astype(np.int16), [picture] * 20, rows)
    return EventBank(folder)


def test_the_recipe_that_ships_points():
    assert (shipped_folder() / "config" / "train" / "av_seld_small.yaml").is_file()
    assert load_recipe("av_seld_small").network.visual == "seen"


def test_at_first_it_says_what_the_ear_says_whatever_it_sees(recipe, ear):
    network = with_ear(recipe, ear).eval()
    alone = make_network(replace(recipe, network=replace(recipe.network, visual="none"))).eval()
    alone.load_state_dict(torch.load(ear, weights_only=True))
    torch.manual_seed(1)
    features, pictures = torch.randn(1, 7, 120, 64), torch.rand(1, 30, 3, 112, 224)
    with torch.no_grad():
        assert torch.equal(network(features, pictures), alone(features))
        torch.nn.init.ones_(network.seeing.glimpse.bias)
        assert not torch.equal(network(features, pictures), alone(features))
        few = network(features, pictures[:, ::3], 30)
        assert torch.equal(few, network(features, pictures))


def test_an_ear_of_another_recipe_is_refused(recipe, ear, tmp_path):
    with pytest.raises(InputError, match="is no ear of recipe"):
        with_ear(load_recipe("av_seld_small", {"network.head_units": 32}), ear)
    with pytest.raises(InputError, match="are `seen`"):
        with_ear(load_recipe("av_seld_small", {"network.visual": "none"}), ear)


def test_kept_maps_are_turned_as_the_scenes_are(recipe, ear, bank):
    """A map that is sure of the cell of the truth is sure of the cell of the turned truth."""
    network = with_ear(recipe, ear).eval()
    maps, config = KeptMaps(network.seeing, bank, (0, 1), recipe.chunks), recipe.network.seen
    source = BankBatches(bank, recipe.chunks, CPU, pictures=True)
    truth = torch.from_numpy(np.stack([scene["direction"][::3, 0] for scene in bank.truth]))  # (scenes, looks, 3)
    cells, _ = cells_of(truth, config)
    maps.logits = torch.zeros_like(maps.logits).flatten(3)
    maps.logits[torch.arange(2)[:, None], torch.arange(20), 3, cells] = 5.0
    maps.logits = maps.logits.unflatten(3, (config.rows, config.columns))
    scenes, firsts = torch.tensor([0, 1]), torch.tensor([0, 30])
    for number in range(len(AVCS_SWAPS) + 1):
        swaps = torch.full((2,), number)
        logits, places = maps.of(scenes, firsts, swaps, 10)
        turned = source.turned(scenes.numpy(), firsts.numpy(), swaps)["directions"][:, ::3, 0]
        best = logits[:, :, 3].flatten(2).argmax(2)[..., None, None].expand(-1, -1, -1, 3)
        found = places.flatten(2, 3).gather(2, best)[:, :, 0]
        assert torch.rad2deg(torch.arccos((found * turned).sum(2).clamp(-1, 1))).max() < 10  # a cell is 13 degrees wide


def test_kept_chunks_hold_what_the_ear_hears(recipe, ear, bank):
    network = with_ear(recipe, ear).eval()
    chunks = heard_chunks(network, recipe, bank, (0, 1), 0, 0)
    assert chunks.embeddings.shape == (4, 30, 96) and chunks.firsts.tolist() == [0, 30, 0, 30]
    assert (chunks.classes[..., 0] == 3).all() and not (chunks.classes[..., 1:] < 13).any()
    again = heard_chunks(network, recipe, bank, (0, 1), 3, 0)
    assert len(again.scenes) == 12 and set(again.swaps.tolist()) <= set(range(8))
    assert len({tuple(d[0, 0].tolist()) for d in again.directions}) > 2  # turned


def test_joining_leaves_ear_and_eyes_as_they_were_and_learns_the_rest(recipe, ear, bank, tmp_path):
    time = BankTime(1.5, 3e-3, validations=2, of_processor=True)
    told = []
    run = train_joined_on_bank(recipe, BankPlace(bank, bank, tmp_path, CPU, 0, time, told.append), JoinedPlan(ear, passes=1))
    weights, given = torch.load(tmp_path / "network.last.pt", weights_only=True), torch.load(ear, weights_only=True)
    eyes = torch.load(tmp_path / "eyes.last.pt", weights_only=True)
    same = {name: torch.equal(weights[name], value.to(weights[name].dtype)) for name, value in given.items()}
    assert all(value for name, value in same.items() if name.startswith(("audio_encoder", "feature")))
    assert not same["head.1.weight"] and not same["fusion.conformer.layers.0.attention.value.weight"]
    assert all(torch.equal(weights[f"seeing.eyes.{name}"], value) for name, value in eyes.items())
    assert weights["seeing.glimpse.weight"].any() and weights["seeing.pointing.learnt.drawn"].any()
    pointing = tmp_path / "pointing"
    pointing.mkdir()
    place = BankPlace(bank, bank, pointing, CPU, 0, time, told.append)
    train_joined_on_bank(recipe, place, JoinedPlan(ear, tmp_path / "eyes.last.pt", scenes=1, passes=1, whole=False))
    weights = torch.load(pointing / "network.last.pt", weights_only=True)
    assert weights["seeing.pointing.learnt.drawn"].any() and not weights["seeing.glimpse.weight"].any()
    assert all(torch.equal(weights[name], value.to(weights[name].dtype)) for name, value in given.items())
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["eyes"]["steps"] > 0 and run.steps > 2 and any("network" in line for line in told)
    closed = tmp_path / "closed"
    closed.mkdir()
    place = BankPlace(bank, bank, closed, CPU, 0, time, told.append)
    train_joined_on_bank(recipe, place, JoinedPlan(ear, passes=1, seeing=False))
    shut = torch.load(closed / "network.last.pt", weights_only=True)
    assert not shut["seeing.glimpse.weight"].any() and not shut["seeing.pointing.learnt.drawn"].any()
