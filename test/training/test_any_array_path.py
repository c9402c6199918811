"""What the any-array networks learn from is what they hear live: both paths on the same sound; targets by brute force."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("pyroomacoustics")

from avloc_ros.datasets.mixtures.any_array_mix import Mixer  # noqa: E402
from avloc_ros.datasets.mixtures.room_bank import RATE_HZ, draw_room  # noqa: E402
from avloc_ros.datasets.mixtures.sounds import SoundLibrary  # noqa: E402
from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity  # noqa: E402
from avloc_ros.geometry import (  # noqa: E402
    angles_from_direction,
    cell_centres,
    direction_from_angles,
    sphere_grid,
    wrap_angle,
)
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig  # noqa: E402
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker  # noqa: E402
from avloc_ros.training.any_array.export import write_any_array  # noqa: E402
from avloc_ros.training.any_array.one_by_one import AnyArrayModule, cell_targets  # noqa: E402
from avloc_ros.training.any_array.scores import score_cells  # noqa: E402
from avloc_ros.training.cards import Provenance  # noqa: E402
from avloc_ros.types import AudioWindow  # noqa: E402

CONFIG = AnyArrayNetworkConfig(hidden=16, embedding=6, filters=8, dilations=(1, 2))


@pytest.fixture(scope="module")
def mixer() -> Mixer:
    return Mixer(SoundLibrary([], [], 4, 0), [draw_room(3, index, []) for index in range(2)], 60)


@pytest.fixture(scope="module")
def module(mixer) -> AnyArrayModule:
    torch.manual_seed(1)
    module = AnyArrayModule(CONFIG, mixer, mixer, steps=10, pretrain_steps=0, rate=1e-3)
    for parameter in module.sphere.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return module.eval()


def test_live_and_training_hear_the_same(mixer, module, tmp_path):
    """In the room whose array has volume: of others, live folds what sounds alike (features/directions/assumed_side.py)."""
    room = mixer.rooms[1]
    assert ArrayAmbiguity(room.array).normal is None
    mixture = mixer.mix(np.random.default_rng(4), room)
    expected = module.probability(mixer.analyse(mixture, 1), np.arange(60))
    write_any_array(tmp_path, module.listening, module.sphere, CONFIG, {"threshold": 0.5, "metrics": {}}, provenance())
    tracker = AnyArrayTracker(AnyArrayConfig(weights=str(tmp_path)), room.array, None, RATE_HZ)
    size = RATE_HZ // 25
    found = []
    for frame in range(60):
        window = AudioWindow(frame * 40_000_000, mixture.samples[frame * size : (frame + 1) * size], RATE_HZ)
        found.append(tracker.step(window).sphere.probability)
    difference = np.abs(np.array(found) - expected)
    assert expected.std() > 0.01
    # The start differs: training begins with three hops of silence, and the running level forgets within a second or so.
    assert difference[45:].max() < 0.02


def test_targets_are_the_cells_within_one_width():
    layout = sphere_grid(36, 72)
    azimuth, elevation = np.radians([13.0, -178.0]), np.radians([4.0, 31.0])
    active = np.array([[True, False, True], [True, True, False]])
    target = cell_targets(direction_from_angles(azimuth, elevation), active).numpy()
    centres = cell_centres(layout)
    for frame in range(3):
        expected = np.zeros(layout.shape)
        for talker in np.flatnonzero(active[:, frame]):
            along = np.abs(wrap_angle(centres[..., 0] - azimuth[talker])) * np.cos(elevation[talker])
            near = (along <= np.radians(5)) & (np.abs(centres[..., 1] - elevation[talker]) <= np.radians(5))
            expected[near] = 1
        np.testing.assert_array_equal(target[frame], expected)
        assert target[frame].sum() >= 2 * active[:, frame].sum()
    assert cell_targets(np.zeros((0, 3)), np.zeros((0, 4), bool)).shape == (4, 36, 72)


def test_examples_say_who_speaks_when(mixer):
    """Activity agrees with the energy of the talkers' sound, and the share of voices with the parts of the mixture."""
    rng = np.random.default_rng(8)
    agree, shares = [], []
    for _ in range(6):
        mixture = mixer.mix(rng, mixer.rooms[1])
        example = mixer.analyse(mixture, 1)
        level = np.sqrt((mixture.speech.reshape(60, -1) ** 2).mean(1))
        if example.active.any():
            agree.append(np.mean((level > 0.1 * level.max()) == example.active.any(0)))
            shares.append((example.voice_share.mean(1)[:, None], np.repeat(example.active.any(0), 4)[:, None]))
    assert np.mean(agree) > 0.75
    share, active = (np.concatenate(parts)[:, 0] for parts in zip(*shares, strict=True))
    assert share[active].mean() > share[~active].mean() + 0.2


def test_a_perfect_answer_scores_one(mixer, module, monkeypatch):
    examples = [mixer.example(np.random.default_rng(seed)) for seed in (1, 2, 3)]

    def perfect(example, at):
        return 0.9 * cell_targets(example.directions, example.active[:, at]).numpy()

    monkeypatch.setattr(module, "probability", perfect)
    scores = score_cells(module, examples)
    assert scores.facts()["f1"] == 1.0
    assert scores.facts()["azimuth_error_deg_median"] < 2.5  # half a cell
    true = {round(float(angles_from_direction(d)[0]), 3) for e in examples for d in e.directions}
    assert len(true) >= 1


def provenance() -> Provenance:
    return Provenance({}, {}, "test", 0)
