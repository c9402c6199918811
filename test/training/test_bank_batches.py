# ruff: noqa: E402
"""Batches of a bank against the chunks and labels that numpy makes of the same scenes."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.datasets.events.adpit_labels import adpit_labels
from avloc_ros.datasets.events.channel_swap import ALL_SWAPS
from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.datasets.events.stacked_tracks import stack_tracks
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.sources.event_bank import BankShape, EventBank, dense_truth
from avloc_ros.training import limited_time
from avloc_ros.training.sound_events.bank_batches import BankBatches
from avloc_ros.training.sound_events.bank_labels import batched_adpit, batched_shaken, coloc_labels, stacked
from avloc_ros.training.sound_events.bank_loop import BankTime, train_on_bank
from avloc_ros.types import InputError

FRAMES, CLASSES, PER_FRAME = 40, 5, 16
CPU = torch.device("cpu")


def random_rows(rng: np.random.Generator) -> list[EventRow]:
    rows = []
    for source in range(3):
        first, length = int(rng.integers(0, 20)), int(rng.integers(5, 20))
        class_index = int(rng.integers(0, 2))  # few classes, so that some events share one
        angles = rng.uniform(-80, 80, 2)
        rows += [EventRow(f, class_index, source, angles[0] + f, angles[1]) for f in range(first, first + length)]
    return rows


@pytest.fixture
def bank(tmp_path):
    shape = BankShape(3, FRAMES, PER_FRAME, 14, 3, 4, 8, CLASSES)
    shape.make(tmp_path / "bank")
    with pytest.raises(InputError, match="no whole scene"):
        EventBank(tmp_path / "bank")
    rng, opened = np.random.default_rng(3), EventBank(tmp_path / "bank", writable=True)
    rows = [random_rows(rng) for _ in range(3)]
    for scene in range(3):
        samples = rng.integers(-3000, 3000, (FRAMES * PER_FRAME, 4)).astype(np.int16)
        opened.put(scene, samples, list(rng.integers(0, 255, (14, 4, 8, 3), np.uint8)), rows[scene])
    BankShape(**{**vars(shape), "kept": (0, 2)}).write(tmp_path / "bank")
    return EventBank(tmp_path / "bank"), rows


def config(**settings) -> ChunkConfig:
    return ChunkConfig(**{"sample_rate_hz": PER_FRAME * 1000, "chunk_s": 1.2, "swaps": "none"} | settings)


def test_validation_chunks_are_the_scenes_side_by_side(bank):
    opened, rows = bank
    batch = BankBatches(opened, config(), CPU, pictures=True).validation(100)[0]
    assert batch["samples"].shape == (6, 4, 12 * PER_FRAME) and batch["pictures"].shape == (6, 4, 3, 4, 8)
    expected = opened.samples[2, 12:24].reshape(-1, 4).T / np.float32(32767.0)
    np.testing.assert_allclose(batch["samples"][4].numpy(), expected)
    np.testing.assert_array_equal(batch["pictures"][4, 1].numpy(), opened.pictures[2, 5].transpose(2, 0, 1))
    labels = batched_adpit(batch["directions"], batch["classes"], CLASSES)
    np.testing.assert_allclose(labels[4].numpy(), adpit_labels(rows[2], 40, CLASSES)[12:24], atol=1e-6)
    directions, classes = stacked(batch, CLASSES)
    slow = stack_tracks(rows[2], 12, 3, CLASSES, 12)
    assert {tuple(column) for column in np.sort(classes[4].numpy().T, 1)} == {tuple(c) for c in np.sort(slow.classes.T, 1)}
    np.testing.assert_array_equal((directions[4].abs().sum(2) > 0).sum(0), (np.abs(slow.directions).sum(2) > 0).sum(0))


def test_turned_chunks_are_those_of_the_channel_swaps(bank):
    opened, rows = bank
    source = BankBatches(opened, config(swaps="rotations"), CPU, pictures=True)
    plain = source.validation(100)[0]
    for number, swap in enumerate(ALL_SWAPS):
        turned = source.swaps(plain, torch.full((6,), number))
        samples = swap.samples(plain["samples"][4].numpy().T)
        np.testing.assert_array_equal(turned["samples"][4].numpy().T, samples)
        pictures = swap.pictures(plain["pictures"][4].permute(0, 2, 3, 1).numpy())
        np.testing.assert_array_equal(turned["pictures"][4].permute(0, 2, 3, 1).numpy(), pictures)
        truth = dense_truth(swap.rows(rows[2]), FRAMES, CLASSES)["direction"][12:24]
        np.testing.assert_allclose(turned["directions"][4].numpy(), truth, atol=1e-5)
    same = source.swaps(plain, torch.full((6,), len(ALL_SWAPS)))
    assert all(torch.equal(same[name], plain[name]) for name in plain)


def test_one_draw_of_tracks_holds_for_a_whole_chunk(bank):
    opened, _ = bank
    batch = BankBatches(opened, config(chunk_s=4.0), CPU).validation(10)[0]
    chance = torch.Generator().manual_seed(0)
    labels = coloc_labels(batch, CLASSES, 5.0, chance)
    active = labels["directions"].abs().sum(3) > 0
    assert torch.equal(active, labels["classes"] < CLASSES)
    assert (active[:, 1:] <= active[:, :-1]).all()  # piled without holes
    below = torch.arange(2) < labels["step"][:, None]
    assert torch.equal(labels["told"].abs().sum(3) > 0, active[:, :2] & below[..., None])
    for chunk, classes in zip(batch["directions"], labels["directions"], strict=True):
        assert torch.allclose(chunk.sum(1), classes.sum(0), atol=1e-6)  # the same events of each frame
    shaken = batched_shaken(labels["directions"], 5.0, chance)
    cosines = (shaken * labels["directions"]).sum(-1)[active]
    assert torch.equal(shaken.abs().sum(-1) > 0, active)
    assert (cosines >= np.cos(np.radians(7.2))).all() and cosines.min() < 0.9999


def test_the_rate_rises_and_falls_and_both_weights_are_left(bank, tmp_path, monkeypatch):
    plan = BankTime(10.0, 0.01, warm_up=0.1)
    rates = [plan.rate(share) for share in np.linspace(0, 1, 101)]
    assert np.argmax(rates) == 10 and rates[10] == pytest.approx(0.01) and rates[-1] == pytest.approx(0.0, abs=1e-9)
    opened, _ = bank
    source = BankBatches(opened, config(swaps="avcs", lowest_gain=0.5, highest_gain=1.5), CPU)
    torch.manual_seed(0)
    network = torch.nn.Linear(4, 1)

    def loss_of(batch):  # W of the next sample out of this one's channels
        samples = batch["samples"].transpose(1, 2) * 10
        return (network(samples[:, :-1])[..., 0] - 1.0).square().mean()

    told, ticks = [], itertools.count()
    monkeypatch.setattr(limited_time, "time", SimpleNamespace(monotonic=lambda: 0.005 * next(ticks)))
    out = (source.training(4, 0), source.validation(4), tmp_path, "network", BankTime(0.5, 0.05, validations=3), told.append)
    run = train_on_bank(network, loss_of, *out)
    kept = torch.load(tmp_path / "network.best.pt", weights_only=True)
    assert run.steps > 20 and run.best < 0.5 and len(told) >= 3 and kept["weight"].dtype == torch.float16
    assert (tmp_path / "network.last.pt").is_file() and not list(tmp_path.glob("*.part"))
