# ruff: noqa: E402
"""What a system asked of a bank becomes batches whose directions are those of their sound, and a query learns from them."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.geometry import direction_from_angles
from avloc_ros.models.sound_events.direction_query import DirectionQueryConfig
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.sources.event_bank import BankShape, EventBank
from avloc_ros.training.sound_events.bank_loop import BankTime
from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe, make_query
from avloc_ros.training.sound_events.path_questions import PathBatches, PathQuestions, asked_of_bank
from avloc_ros.training.sound_events.query_tuning import between, tune_direction_query

RATE, FRAMES, CHUNK = 24000, 20, 10
AZIMUTHS_DEG = (60.0, 150.0)  # of the sound of each scene, whose class is the scene's number
TURNED = ChunkConfig(chunk_s=1.0, swaps="rotations", lowest_gain=0.3, highest_gain=1.6)
RECIPE = DirectionQueryRecipe(
    network=DirectionQueryConfig(filters=(4, 6, 8, 8), gru_units=8, dense_units=8, dropout=0.0)
)


def at(azimuth_deg: float) -> np.ndarray:
    return direction_from_angles(np.radians(azimuth_deg), 0.0)


@pytest.fixture
def bank(tmp_path):
    shape = BankShape(2, FRAMES, RATE // 10, 0, 3, 0, 0, len(STARSS_CLASSES))
    shape.make(tmp_path / "bank")
    opened, rng = EventBank(tmp_path / "bank", writable=True), np.random.default_rng(0)
    for scene, azimuth_deg in enumerate(AZIMUTHS_DEG):
        x, y, z = at(azimuth_deg)
        sound = 3000 * rng.normal(size=(FRAMES * RATE // 10, 1)) * np.array([1, y, z, x])
        opened.put(
            scene,
            sound.astype(np.int16),
            [],
            [EventRow(f, scene, 0, azimuth_deg, 0.0) for f in range(FRAMES)],
        )
    BankShape(**{**vars(shape), "kept": (0, 1)}).write(tmp_path / "bank")
    return EventBank(tmp_path / "bank")


def asks(*offsets_deg: float, sure: float = -4.0):
    """A system that asks at angles beside where the sound flows from, and is answered the same everywhere."""

    def answers(samples, pictures, heard):
        assert pictures is None and np.abs(samples).max() < 1
        azimuth_deg = np.degrees(
            np.arctan2((samples[:, 0] * samples[:, 1]).mean(), (samples[:, 0] * samples[:, 3]).mean())
        )
        directions = np.stack(
            [np.tile(at(azimuth_deg + offset), (heard, 1)) for offset in offsets_deg]
        ).astype(np.float32)
        count = len(offsets_deg)
        return directions, np.ones((count, heard), np.float32), np.full((count, heard, 13), sure, np.float32)

    return SimpleNamespace(frames=CHUNK, answers=answers)


def test_what_was_asked_is_kept_with_the_chunk_that_it_was_asked_of(bank, tmp_path):
    asked = asked_of_bank(bank, [asks(0, 90), asks(0, 30, -90)])
    assert asked.scenes.tolist() == [0, 0, 1, 1] * 2 and asked.firsts.tolist() == [0, 10] * 4
    assert asked.directions.shape == (8, 3, CHUNK, 3) and not asked.directions[:4, 2].any()  # no third path
    assert (asked.directions[2, 0] @ at(150)).min() > np.cos(np.radians(2))
    assert float(asked.probability[0, 0, 0, 0]) == pytest.approx(1 / (1 + np.exp(4)), rel=1e-3)
    asked.save(tmp_path / "asked.npz")
    again = PathQuestions.load(tmp_path / "asked.npz")
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(asked).items())


def test_a_path_is_heard_within_20_degrees_and_turned_as_its_sound_is(bank):
    """Where a batch says that a path is heard, the intensity of the batch's own samples points along it, however turned."""
    batches = PathBatches(bank, asked_of_bank(bank, [asks(0, 17, 22, 27)]), 13, TURNED)
    turns = set()
    for batch in itertools.islice(batches.training(4, 4, 0), 12):
        samples, asked, heard = batch["samples"], batch["asked"], batch["heard"]
        assert samples.shape == (4, 4, CHUNK * RATE // 10) and heard.shape == (4, 4, CHUNK, 13)
        flow = torch.nn.functional.normalize((samples[:, :1] * samples[:, [3, 1, 2]]).mean(2), dim=1)
        angle = torch.rad2deg(torch.arccos(torch.einsum("bqfi,bi->bqf", asked, flow).clamp(-1, 1)))
        told = heard.any(3)
        assert angle[told].max() < 19 and angle[~told].min() > 19
        assert torch.equal(batch["counts"].all(3), told | (angle > 24))
        assert (heard.sum(3)[told] == 1).all() and heard.argmax(3)[told].max() == 1
        turns |= {tuple(row) for row in flow.round(decimals=1).tolist()}
    assert len(turns) > 6


def test_questions_with_wrong_answers_are_asked_more_often(bank):
    """Everywhere `nothing` is answered: the path on the sound is wrong, those beside it are right."""
    batches = PathBatches(bank, asked_of_bank(bank, [asks(0, 90, 120, 180)]), 13, TURNED)
    drawn = [
        batch["heard"].any(3).any(2).float().mean()
        for batch in itertools.islice(batches.training(8, 1, 1), 40)
    ]
    assert (
        0.65 < float(np.mean(drawn)) < 0.85
    )  # (.1 + .98) / (4 * .1 + .98 + 3 * .02) = .75; without that .25


def test_a_query_learns_from_them_and_its_normalisation_stays(bank):
    torch.manual_seed(0)
    network, batches = (
        make_query(RECIPE),
        PathBatches(bank, asked_of_bank(bank, [asks(0, 90, 180)]), 13, TURNED),
    )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    told: list[str] = []
    plan = BankTime(3.0, 0.02, told_every_s=0.2, of_processor=True)
    steps = tune_direction_query(network, RECIPE, batches.training(2, 3, 0), plan, told.append)
    assert steps > 3 and not network.training
    after = network.state_dict()
    assert all(
        torch.equal(value, after[name])
        for name, value in before.items()
        if "running" in name or "num_batches" in name
    )
    losses = [float(line.split("loss ")[1]) for line in told]
    assert losses[-1] < 0.7 * losses[0]
    half = between(before, after)
    name = "out.2.weight"
    assert torch.allclose(half[name], (before[name] + after[name]) / 2) and not torch.equal(
        after[name], before[name]
    )
    assert torch.equal(between(before, after, 1.0)[name], after[name]) and half.keys() == after.keys()
