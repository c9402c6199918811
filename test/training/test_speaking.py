"""Training of the network that says who speaks: labels and scores by hand, a rule that needs memory, the file it writes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.models.speaking.network import SpeakingNetworkConfig  # noqa: E402
from avloc_ros.runtime.speaking_network import load_speaking  # noqa: E402
from avloc_ros.tracking.talk_facts import FACTS  # noqa: E402
from avloc_ros.training.cards import Provenance  # noqa: E402
from avloc_ros.training.speaking.histories import History, HistoryTaker, Moment, RecordingHistories, label  # noqa: E402
from avloc_ros.training.speaking.learning import (  # noqa: E402
    SpeakingRecipe,
    best_threshold,
    chain_probabilities,
    changed,
    cross_entropy,
    frame_recall,
    learn,
    speaking_probabilities,
    train_speaking,
)
from avloc_ros.types import InputError  # noqa: E402

HEARD, CHAIN, DURATION = (FACTS.index(name) for name in ("heard", "chain", "duration"))


def moment(azimuth_deg: float) -> Moment:
    return Moment(0, float(np.radians(azimuth_deg)), np.zeros(len(FACTS), np.float32), True)


def test_the_nearest_track_within_reach_is_who_speaks() -> None:
    def who(moments, azimuths_deg):
        label(moments, np.radians(azimuths_deg).tolist())
        return [m.speaks for m in moments]

    assert who([moment(10), moment(20)], [13]) == [True, False]
    assert who([moment(175), moment(0)], [-176]) == [True, False]
    assert who([moment(10)], [40]) == [False]
    assert who([moment(10)], []) == [False]
    assert who([], [10]) == []


def recording(histories: list[History], talkers: list[int], scored: list[bool] | None = None) -> RecordingHistories:
    return RecordingHistories("r", tuple(histories), np.array(talkers), np.array(scored or [True] * len(talkers)))


def history(frames: list[int], counts: list[bool]) -> History:
    n = len(frames)
    return History(np.array(frames), np.zeros((n, len(FACTS)), np.float32), np.zeros(n, bool), np.array(counts))


def test_frame_recall_is_the_share_of_scored_frames_with_the_right_number() -> None:
    """Frame 0: one of one. 1: two, of whom one is not reported. 2: nobody of one. 3: in a collar."""
    tracks = [history([0, 1, 2, 3], [True] * 4), history([1, 2, 3], [False, True, True])]
    found = [[np.array([0.9, 0.9, 0.1, 0.9]), np.array([0.9, 0.2, 0.9])]]
    made = recording(tracks, [1, 1, 1, 0], [True, True, True, False])
    assert frame_recall([made], found, 0.5) == pytest.approx(2 / 3)
    assert frame_recall([made, made], found * 2, 0.05) == pytest.approx(2 / 3)  # at .05 frame 2 has two of one


def test_one_half_decides_unless_another_threshold_is_clearly_better() -> None:
    """Tracks at .3 and .6 in turns; who speaks is the .6 in one case, both in the other."""
    track = History(np.arange(1000), np.zeros((1000, len(FACTS)), np.float32), np.zeros(1000, bool), np.ones(1000, bool))
    found = [[np.where(np.arange(1000) % 2, 0.6, 0.3)]]
    assert best_threshold([recording([track], (np.arange(1000) % 2).tolist())], found) == 0.5
    assert best_threshold([recording([track], [1] * 1000)], found) == 0.3


def scenes(count: int, seed: int) -> list[RecordingHistories]:
    """Somebody speaks for as long as the loud moment before was an even number of moments ago, below ten: needs memory."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        loud = rng.random(60) < 0.12
        since, speaks = 99, np.zeros(60, bool)
        for k in range(60):
            since = 0 if loud[k] else since + 1
            speaks[k] = since < 4
        facts = rng.normal(0, 0.1, (60, len(FACTS))).astype(np.float32)
        facts[:, HEARD] = np.where(loud, 2.0, -2.0)
        facts[:, CHAIN] = np.where(loud, 2.0, -2.0)
        facts[:, DURATION] = 0.04
        one = History(np.arange(60), facts, speaks, np.ones(60, bool))
        made.append(recording([one], speaks.astype(int).tolist()))
    return made


NETWORK = SpeakingNetworkConfig(hidden=12, dropout=0.0)
RECIPE = SpeakingRecipe(epochs=25, batch=8, slow_share=0.0, network=NETWORK, learning_rate=0.01)


def test_a_rule_that_needs_memory_is_learnt(one_thread) -> None:
    """Who was loud speaks three moments longer: the chain's fact of the moment cannot know, the network does."""
    network = learn(RECIPE, [h for r in scenes(60, 0) for h in r.histories], 0)
    new = scenes(20, 1)
    found = speaking_probabilities(network, new)
    assert frame_recall(new, found, 0.5) > 0.97
    assert frame_recall(new, chain_probabilities(new), 0.5) < 0.8
    assert cross_entropy(new, found) < 0.25 * cross_entropy(new, chain_probabilities(new))


def test_a_slower_camera_shows_every_second_moment_twice_as_long() -> None:
    one = scenes(1, 0)[0].histories[0]
    recipe = SpeakingRecipe(slow_share=1.0, mouthless_share=1.0)
    slow = changed(one, recipe, np.random.default_rng(0))
    first = int(slow.frames[0])
    assert slow.frames.tolist() == list(range(first, 60, 2))
    assert np.allclose(slow.facts[:, DURATION], 0.08) and np.allclose(one.facts[:, DURATION], 0.04)
    assert (slow.facts[:, FACTS.index("mouth")] == 0).all() and (slow.facts[:, FACTS.index("readable")] == 0.5).all()
    assert (slow.facts[:, HEARD] == one.facts[first::2, HEARD]).all()


def test_the_file_judges_moment_by_moment_as_the_network_does_whole_tracks(tmp_path, one_thread) -> None:
    made = scenes(12, 0)
    path = train_speaking(RECIPE, made[:9], made[9:], tmp_path, 0, Provenance({}, {}, "test", 0), ("blend", "x"))
    network = learn(RECIPE, [h for r in made[:9] for h in r.histories], 0)
    whole = speaking_probabilities(network, made[9:10])[0][0]
    engine = load_speaking(len(FACTS), str(path))
    memories, steps = np.stack([engine.first_memory()] * 2), []
    for row in made[9].histories[0].facts:
        probabilities, memories = engine.judge(np.stack([row, -row]), memories)
        steps.append(float(probabilities[0]))
    assert np.allclose(steps, whole, atol=1e-4)
    assert 0.2 <= engine.threshold <= 0.8
    with pytest.raises(InputError, match=f"taught on {len(FACTS)} facts of a track, this version has 7: train it again"):
        load_speaking(7, str(path))
    assert engine.knows("blend", "x")
    assert not engine.knows("srp", "x") and not engine.knows("blend", "y")


def test_what_is_taken_of_a_tracker_is_labelled_and_joined_by_track() -> None:
    """Two voices outside the picture, one after the other: as many histories, each labelled while its talker speaks."""
    from avloc_ros.tracking.config import SpeakerTrackerConfig, SpeakingConfig
    from avloc_ros.tracking.speaker_tracker import SpeakerTracker
    from test.tracking.conftest import World

    world, taker, steps = World(), HistoryTaker(), 40
    tracker = SpeakerTracker(SpeakerTrackerConfig(speaking=SpeakingConfig(judge="chain")), taker.take)
    for k in range(steps):
        azimuth_deg = 157.5 if k < steps // 2 else 92.5
        sphere = world.sphere(k, [(azimuth_deg, 7.5)])
        tracker.step(k * world.frame_ns, world.fused(k, {}), None, sphere, world.camera)
        taker.close_frame(k, [float(np.radians(azimuth_deg))], 0)
    made = taker.histories("two")
    assert len(made.histories) == 2 and made.talkers.tolist() == [0] * steps
    for one, frames in zip(made.histories, (range(steps // 2), range(steps // 2, steps)), strict=True):
        assert (one.speaks == np.isin(one.frames, list(frames))).all() and not one.counts.any()
