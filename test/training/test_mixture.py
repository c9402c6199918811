"""Training of the network that weighs candidates: labels by hand, a rule that can be learnt, the file it writes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("pyroomacoustics")

from avloc_ros.datasets.mixtures.any_array_mix import Mixer  # noqa: E402
from avloc_ros.datasets.mixtures.room_bank import draw_room  # noqa: E402
from avloc_ros.datasets.mixtures.sounds import SoundLibrary  # noqa: E402
from avloc_ros.features.directions.talker_candidates import FACTS, Candidates  # noqa: E402
from avloc_ros.runtime.mixture_network import load_mixture  # noqa: E402
from avloc_ros.training.any_array.candidates import (  # noqa: E402
    DRAWS,
    Labelled,
    MixtureRecipe,
    labelled,
    learn,
    train_mixture,
    who_speaks,
)
from avloc_ros.training.any_array.material import gather  # noqa: E402
from avloc_ros.training.cards import Provenance  # noqa: E402


def candidates(*azimuths_deg: float) -> Candidates:
    azimuth = np.radians(azimuths_deg)
    return Candidates(azimuth, 0 * azimuth, np.zeros((len(azimuth), len(FACTS)), np.float32))


def test_the_nearest_candidate_within_reach_is_the_talker() -> None:
    assert who_speaks(candidates(10, 25, -170), np.radians([14.0])).tolist() == [1, 0, 0]
    assert who_speaks(candidates(10, 25, -170), np.radians([179.0])).tolist() == [0, 0, 1]
    assert who_speaks(candidates(10, 25), np.radians([60.0])).tolist() == [0, 0]
    assert who_speaks(candidates(), np.radians([60.0])).tolist() == []


def test_a_rule_is_learnt_and_its_odds_are_right() -> None:
    """Facts decide by a logistic rule: the network's probabilities come close to it on facts that it has not seen."""
    rng = np.random.default_rng(0)
    facts = rng.normal(size=(24000, len(FACTS))).astype(np.float32)
    true = 1 / (1 + np.exp(-(1.5 * facts[:, 0] - facts[:, 7] - 1)))
    speaks = (rng.random(len(facts)) < true).astype(np.float32)
    half = len(facts) // 2
    recipe = MixtureRecipe(hidden=8, epochs=8, batch=256)
    network, curve = learn(recipe, Labelled(facts[:half], speaks[:half], 0.0), Labelled(facts[half:], speaks[half:], 0.0), 0)
    with torch.no_grad():
        found = torch.sigmoid(network(torch.as_tensor(facts[half:]))).numpy()
    assert np.abs(found - true[half:]).mean() < 0.04
    entropy = -np.mean(true[half:] * np.log(true[half:]) + (1 - true[half:]) * np.log(1 - true[half:]))
    assert min(row["validation"] for row in curve) == pytest.approx(entropy, abs=0.03)


def test_the_recipe_says_which_rooms_and_voices_are_gathered(tmp_path) -> None:
    """Three talkers and one more for validation by the rule of held_out: nobody is on both sides, nor in the test split."""
    wavfile = pytest.importorskip("scipy.io.wavfile")
    (tmp_path / "kit" / "speech").mkdir(parents=True)
    for talker in "abcdefghijkl":
        noise = np.random.default_rng(ord(talker)).normal(0, 3000, 16000).astype(np.int16)
        wavfile.write(tmp_path / "kit" / "speech" / f"{talker}-1.wav", 16000, noise)
    recipe = MixtureRecipe(rooms=2, validation_rooms=1, frames=25, synthetic_voices=0, seed_of_rooms=5)
    material = gather(recipe, tmp_path / "kit", tmp_path, draws=DRAWS)
    assert [len(mixer.rooms) for mixer in (material.training, material.validation)] == [2, 1]
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["rooms_5_2.npz", "rooms_6_1.npz"]
    files = [material.facts[part]["speech_files"] for part in ("training", "validation")]
    assert min(files) > 0 and sum(files) < 12
    mixture = material.training.mix(np.random.default_rng(0), material.training.rooms[0])
    assert mixture.samples.shape == (25 * 640, material.training.rooms[0].array.channels)


def test_from_rooms_to_a_file_that_is_used(tmp_path) -> None:
    pytest.importorskip("espeakng_loader")
    mixer = Mixer(SoundLibrary([], [], 4, 0), [draw_room(3, index, []) for index in range(2)], 30)
    recipe = MixtureRecipe(mixtures=6, validation_mixtures=3, epochs=2, batch=64, frames=30)
    told: list[int] = []
    path = train_mixture(recipe, mixer, mixer, tmp_path, 0, 1, Provenance({}, {}, "test", 0, device="CPU"), told.append)
    assert sum(told) == 9
    engine = load_mixture(str(path))
    some = labelled(mixer, "", 1, 5)
    probability = engine.talker_probability(some.facts)
    assert probability.shape == some.speaks.shape and (probability >= 0).all() and (probability <= 1).all()
    assert 0 < engine.threshold < 1
