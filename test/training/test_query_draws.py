# ruff: noqa: E402
"""Questions and their answers, against loops over the events; scenes on the device against the bank they come from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.datasets.events.event_chunks import FULL_SCALE, ChunkConfig
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.sources.event_bank import BankShape, EventBank
from avloc_ros.training.sound_events.query_draws import (
    ELSEWHERE,
    EVENTS,
    HEARD_DEG,
    UNHEARD_DEG,
    answers,
    drawn_questions,
    turned_aside,
)
from avloc_ros.training.sound_events.scene_stock import SceneStock

CLASSES, PER_FRAME, FRAMES = 4, 8, 20
CPU = torch.device("cpu")


def unit(*size: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(*size, 3), dim=-1)


def some_batch(size: int, frames: int = 15) -> dict[str, torch.Tensor]:
    classes = torch.randint(CLASSES + 1, (size, 1, 3)).repeat(1, frames, 1)
    classes[:, : frames // 3, 1] = CLASSES
    return {
        "samples": torch.randn(size, 4, 10),
        "directions": unit(size, 1, 3).expand(-1, frames, -1, -1) * (classes < CLASSES)[..., None],
        "classes": classes,
        "sources": torch.arange(3).expand(size, frames, 3),
    }


def test_answers_are_those_of_a_loop():
    torch.manual_seed(0)
    batch = some_batch(6)
    asked = turned_aside(batch["directions"].transpose(1, 2) + 1e-9, 40.0 * torch.rand(6, 3, 15), torch.randn(6, 3, 15, 3))
    heard, counts = answers(asked, batch, CLASSES)
    seen = set()
    for item, row, frame, kind in itertools.product(range(6), range(3), range(15), range(CLASSES)):
        events = [s for s in range(3) if batch["classes"][item, frame, s] == kind]
        cosines = [float(asked[item, row, frame] @ batch["directions"][item, frame, s]) for s in events]
        nearest = min((np.degrees(np.arccos(np.clip(c, -1, 1))) for c in cosines), default=180.0)
        assert bool(heard[item, row, frame, kind]) == (nearest < HEARD_DEG)
        assert bool(counts[item, row, frame, kind]) == (nearest < HEARD_DEG or nearest > UNHEARD_DEG)
        seen.add((nearest < HEARD_DEG, nearest > UNHEARD_DEG))
    assert len(seen) == 3


def test_directions_are_turned_by_the_angle_that_is_asked():
    torch.manual_seed(1)
    directions, angles = unit(50), 60 * torch.rand(50)
    turned = turned_aside(directions, angles, torch.randn(50, 3))
    assert torch.allclose(turned.norm(dim=1), torch.ones(50), atol=1e-5)
    assert torch.allclose(torch.rad2deg((turned * directions).sum(1).acos()), angles, atol=0.1)


def test_events_are_asked_about_and_places_without_one_too():
    torch.manual_seed(2)
    batch = some_batch(300)
    drawn = drawn_questions(batch, CLASSES, torch.Generator().manual_seed(0))
    assert drawn["asked"].shape == (300, EVENTS + ELSEWHERE, 15, 3)
    assert torch.allclose(drawn["asked"].norm(dim=3), torch.ones(300, EVENTS + ELSEWHERE, 15), atol=1e-4)
    sounding = (batch["classes"][:, -1] < CLASSES).sum(1)
    first, all_of = drawn["heard"][sounding == 3, 0], drawn["heard"][sounding == 3].amax(3)
    assert first.amax(2)[:, -1].mean() > 0.8  # but for those that go over to another direction on the way
    distinct = drawn["heard"][sounding == 3, :EVENTS, -1].sum((1, 2))
    assert (distinct >= 2).float().mean() > 0.8  # not the same event thrice
    assert all_of[:, :EVENTS].mean() > 2 * all_of[:, EVENTS:].mean()
    assert 0.6 < drawn["rivals"][:, :EVENTS, -1][sounding == 3].mean() < 0.95
    assert drawn["rivals"][:, EVENTS:].mean() < 0.4


def test_one_other_question_is_of_each_kind_at_times():
    """Beside an event, at its mirror image, or anywhere: told by the angle to the nearest event of one that stands alone."""
    torch.manual_seed(3)
    batch = some_batch(600)
    batch["classes"][:, :, 1:] = CLASSES
    batch["classes"][:, :, 0] = 0
    batch["directions"] = torch.tensor([[0.8, 0.6, 0.0]]).expand(600, 15, 3, 3) * (batch["classes"] < CLASSES)[..., None]
    drawn = drawn_questions(batch, CLASSES, torch.Generator().manual_seed(0), elsewhere=1)
    assert drawn["asked"].shape == (600, EVENTS + 1, 15, 3) and drawn["heard"].shape == (600, EVENTS + 1, 15, CLASSES)
    first = drawn["asked"][:, EVENTS, 0]
    mirrors = torch.tensor([[-0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [-0.8, -0.6, 0.0]])
    mirrored = ((first @ mirrors.T).amax(1) > np.cos(np.radians(20.0))).float().mean()
    beside = (first @ torch.tensor([0.8, 0.6, 0.0]) > np.cos(np.radians(72.0))).float().mean()
    assert 0.2 < mirrored < 0.5 and 0.3 < beside < 0.7


def test_a_chunk_without_events_is_asked_in_vain():
    batch = some_batch(4)
    batch["classes"], batch["directions"] = torch.full_like(batch["classes"], CLASSES), torch.zeros_like(batch["directions"])
    drawn = drawn_questions(batch, CLASSES, torch.Generator().manual_seed(0))
    assert drawn["heard"].sum() == 0 and drawn["counts"].all() and drawn["asked"].isfinite().all()


def test_the_stock_holds_what_the_banks_hold_and_takes_in_new_ones(tmp_path):
    rng, scenes = np.random.default_rng(0), []

    def make(name: str, count: int) -> None:
        shape = BankShape(count, FRAMES, PER_FRAME, 0, 3, 0, 0, CLASSES)
        shape.make(tmp_path / name)
        bank = EventBank(tmp_path / name, writable=True)
        for scene in range(count):
            samples = rng.integers(-3000, 3000, (FRAMES * PER_FRAME, 4)).astype(np.int16)
            rows = [EventRow(frame, scene % CLASSES, 0, 10.0 * len(scenes), 0.0) for frame in range(3, 17)]
            bank.put(scene, samples, [], rows)
            scenes.append((samples, rows))
        BankShape(**{**vars(shape), "kept": tuple(range(count))}).write(tmp_path / name)

    make("0", 3)
    stock = SceneStock(tmp_path, ChunkConfig(chunk_s=1.0, swaps="rotations", lowest_gain=0.5, highest_gain=2.0), CPU, 4)
    assert stock.take_in() == 3
    make("1", 2)
    assert stock.take_in() == 4  # no more than it may
    chunks = stock.side_by_side(3)
    held = torch.cat([batch["samples"] for batch in chunks]).numpy() * FULL_SCALE
    expected = [samples[first * PER_FRAME :][: 10 * PER_FRAME].T for samples, _ in scenes[:4] for first in (0, 10)]
    assert np.allclose(held, expected, atol=1e-2)
    azimuth = torch.cat([torch.atan2(batch["directions"][:, 5, 0, 1], batch["directions"][:, 5, 0, 0]) for batch in chunks])
    assert np.allclose(np.degrees(azimuth.numpy()), np.repeat([0.0, 10.0, 20.0, 30.0], 2), atol=0.01)
    drawn = next(stock.training(16, 0))
    assert drawn["samples"].shape == (16, 4, 10 * PER_FRAME) and drawn["directions"].shape == (16, 10, 3, 3)
