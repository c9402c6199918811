"""Scenes simulated while a network trains: features, turns, truth and speech against the ways that go one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.datasets.events.channel_swap import ALL_SWAPS  # noqa: E402
from avloc_ros.datasets.mixtures.dry_speech import DrySpeech, draw_dry_speech  # noqa: E402
from avloc_ros.datasets.tracks.batched_direction_features import BatchedDirectionFeatures  # noqa: E402
from avloc_ros.datasets.tracks.moving_stock import MovingStock, MovingStockConfig, Turns  # noqa: E402
from avloc_ros.datasets.tracks.tracked_segments import TrackedSegment, TrackedSegmentsConfig, turned  # noqa: E402
from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig, direction_features  # noqa: E402
from avloc_ros.simulation.sound.moving_sources import MovingSourcesConfig, synthetic_voice  # noqa: E402
from avloc_ros.types import InputError  # noqa: E402

FEATURES = DirectionFeaturesConfig(
    kind="foa", sample_rate_hz=16_000, hop_length=320, window_length=640, fft_length=1024, mel_bands=16
)
SCENE = MovingSourcesConfig(sample_rate_hz=16_000, seconds=0.5, reflections=1)
DATA = TrackedSegmentsConfig(array="tetrahedron_4mic", sources=SCENE, features=FEATURES, swaps=True)
CPU = torch.device("cpu")


def test_dry_speech_is_kept_in_few_steps(tmp_path):
    speech = draw_dry_speech(synthetic_voice, SCENE, 3, 0)
    speech.save(tmp_path / "speech.npz")
    again = DrySpeech.load(tmp_path / "speech.npz")
    dry = synthetic_voice(np.random.default_rng([0, 17, 1]), 8000, 16_000)
    noise = again.samples()[1] - dry
    assert np.sum(noise**2) < 0.01 * np.sum(dry**2)  # 20 dB
    assert np.abs(again.samples()[1]).max() == pytest.approx(np.abs(dry).max(), rel=1e-3)
    np.testing.assert_array_equal(again.active, speech.active)
    with pytest.raises(InputError, match="no dry speech"):
        DrySpeech.load(tmp_path / "none.npz")


def test_batched_features_are_those_of_one_recording():
    array = DATA.load_arrays()[0]
    encoder = DATA.load_encoder(array)
    samples = 0.05 * np.random.default_rng(1).standard_normal((2, 4000, 4)).astype(np.float32)
    found = BatchedDirectionFeatures(FEATURES, encoder)(torch.from_numpy(samples.transpose(0, 2, 1).copy()))
    for own, sound in zip(found.numpy(), samples, strict=True):
        np.testing.assert_allclose(own, direction_features(sound, FEATURES, encoder), atol=1e-5)


def test_turns_of_a_batch_are_those_of_single_segments():
    rng = np.random.default_rng(2)
    features = rng.standard_normal((16, 7, 10, 8)).astype(np.float32)
    directions = rng.standard_normal((16, 2, 2, 3)).astype(np.float32)
    found = Turns(CPU).turned(torch.from_numpy(features), torch.from_numpy(directions), torch.arange(16))
    for number, swap in enumerate(ALL_SWAPS):
        expected = turned(TrackedSegment(features[number], directions[number], np.ones((2, 2), bool)), swap)
        np.testing.assert_array_equal(found[0][number].numpy(), expected.features)
        np.testing.assert_allclose(found[1][number].numpy(), expected.directions, atol=1e-6)


def test_a_stock_gives_the_same_batches_for_the_same_seed_and_renews_its_rooms():
    speech = draw_dry_speech(synthetic_voice, SCENE, 3, 0)
    config = MovingStockConfig(rooms=2, first_rooms=1, sources=2, steps_per_room=1)
    first, second = (MovingStock(DATA, speech, config, 5, CPU) for _ in range(2))
    for _ in range(3):
        features, directions, active = first.batch(3)
        for one, other in zip((features, directions, active), second.batch(3), strict=True):
            assert torch.equal(one, other)
    assert features.shape == (3, 7, 25, 16)
    assert active.shape == (3, 5, 2)
    np.testing.assert_allclose(directions.norm(dim=-1).numpy(), 1.0, atol=1e-5)
    assert [one.drawn for one in first.stocks] == [4]
    assert first.stocks[0].filled == 2


def test_a_lone_source_is_where_its_intensity_points():
    """Truth and sound belong together after mixing and turning: no reflections, next to no noise, all turns."""
    scene = replace(SCENE, still_share=1.0, reflections=0, lowest_snr_db=60.0, highest_snr_db=60.0, longest_rt60_s=0.2)
    speech = draw_dry_speech(synthetic_voice, scene, 4, 0)
    stock = MovingStock(
        replace(DATA, sources=scene), speech, MovingStockConfig(rooms=1, first_rooms=1, sources=2, steps_per_room=9), 1, CPU
    )
    stock.stocks[0].sound[:, 1] = 0.0  # the other one says nothing
    place = stock.stocks[0].directions[0, 0, 0]
    features, directions, _ = stock.batch(16)
    ways = {tuple(np.round(row, 3)) for row in directions[:, 0].reshape(-1, 3).numpy()}
    assert len(ways) > 4
    heard = features[:, 4:, :, 4:10].mean(dim=(2, 3))
    towards = heard / heard.norm(dim=1, keepdim=True)
    nearest = (directions[:, 0] * towards[:, None]).sum(dim=-1).amax(dim=1)
    assert nearest.median() > np.cos(np.radians(15))
    assert place.norm() == pytest.approx(1.0, abs=1e-5)


def test_a_stock_refuses_features_of_microphones_and_other_speech():
    speech = draw_dry_speech(synthetic_voice, SCENE, 2, 0)
    with pytest.raises(InputError, match="foa"):
        MovingStock(TrackedSegmentsConfig(), speech, MovingStockConfig(), 0, CPU)
    longer = replace(DATA, sources=replace(SCENE, seconds=1.0))
    with pytest.raises(InputError, match="samples per clip"):
        MovingStock(longer, speech, MovingStockConfig(), 0, CPU)
