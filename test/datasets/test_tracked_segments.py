"""Training segments of moving sources: turned features are those of the turned sound, and stocks are shared by rooms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyroomacoustics", reason="rooms are simulated by pyroomacoustics")

from avloc_ros.datasets.events.channel_swap import ALL_SWAPS
from avloc_ros.datasets.tracks.tracked_segments import (
    TrackedSegment,
    TrackedSegmentsConfig,
    tracked_segments,
    turned,
)
from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig, direction_features
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.sound.moving_sources import MovingSource, MovingSourcesConfig, draw_segment
from avloc_ros.types import InputError

FOA = DirectionFeaturesConfig("foa", 16000, 320, 640, 1024, 32)


@pytest.mark.parametrize("swap", ALL_SWAPS[1::3])
def test_turned_features_are_those_of_the_turned_sound(swap):
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, (3200, 1)) * np.array([1.0, 0.6, -0.3, 0.7]) + rng.normal(0, 0.02, (3200, 4))
    segment = TrackedSegment(direction_features(sound, FOA), np.array([[[0.7, 0.6, -0.3]]]), np.ones((1, 1), bool))
    found = turned(segment, swap)
    np.testing.assert_allclose(found.features, direction_features(swap.samples(sound), FOA), atol=1e-5)
    x, y, z = found.directions[0, 0]
    w_y_z_x = swap.samples(np.array([[1.0, 0.6, -0.3, 0.7]]))[0]  # of a plane wave from there
    assert [y, z, x] == pytest.approx(w_y_z_x[1:])


def test_a_room_draws_its_stock_once_and_mixes_it_anew(tmp_path):
    drawn = []

    def voice(rng, samples, rate):
        drawn.append(rate)
        return 0.1 * rng.standard_normal(samples)

    config = MovingSourcesConfig(sample_rate_hz=16000, seconds=0.5, rooms=2, stock=3, reflections=0)
    array, stock = MicrophoneArray(0.05 * np.eye(4, 3)), {}
    segments = [
        draw_segment(config, array, voice, split="train", index=i, seed=0, stock=stock) for i in (0, 2, 4, 6, 8, 10)
    ]
    assert len(drawn) == 3 and all(isinstance(source, MovingSource) for source in stock.values())
    alone = draw_segment(config, array, voice, split="train", index=4, seed=0)
    np.testing.assert_array_equal(alone.samples, segments[2].samples)
    assert len({segment.samples.tobytes() for segment in segments}) == 6
    before = len(drawn)
    draw_segment(config, array, voice, split="val", index=0, seed=0, stock=stock)
    assert len(drawn) == before + 2  # validation takes nothing from stock


def test_rooms_take_arrays_in_turn_and_settings_that_do_not_fit_are_refused(tmp_path):
    sources = MovingSourcesConfig(sample_rate_hz=16000, seconds=0.5, rooms=2, reflections=0)
    config = TrackedSegmentsConfig(
        "seven_mic_10cm", ("tetrahedron_4mic",), sources=sources, features=FOA, train_segments=2, swaps=True
    )
    found = tracked_segments(config, "train", tmp_path)
    assert found.swaps and [s.features.shape for s in found.segments] == [(7, 25, 32)] * 2
    with pytest.raises(InputError, match="one array's own"):
        TrackedSegmentsConfig(other_arrays=("seven_mic_10cm",))
    with pytest.raises(InputError, match="can be turned"):
        TrackedSegmentsConfig(swaps=True)
    with pytest.raises(InputError, match="stock 1 is fewer"):
        MovingSourcesConfig(stock=1)
    flat = TrackedSegmentsConfig("square_4mic_10cm", sources=sources, features=FOA)
    with pytest.raises(InputError, match="does not carry FOA"):
        tracked_segments(flat, "val", tmp_path)
