"""The blend of two audio trackers: its odds are those of the two, and it is one tracker to whoever uses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.bench.inputs import bench_camera, plane_waves, sphere_array
from avloc_ros.config import shipped_folder
from avloc_ros.features.directions.gathered_talkers import AROUND_CELLS, gathered_talkers
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker
from avloc_ros.systems.audio_tracker import TRACKERS, EarConfig, open_audio_tracker
from avloc_ros.systems.blend import SUREST, BlendConfig, BlendTracker
from avloc_ros.systems.mixture import MixtureConfig, MixtureTracker
from avloc_ros.systems.srp import SrpConfig, SrpTracker
from avloc_ros.types import InputError, Projection

RATE_HZ = 48000


def blend(share: float = 0.5, **places) -> BlendTracker:
    array = places.pop("array", sphere_array(6))
    return BlendTracker(BlendConfig(share), MixtureConfig(), AnyArrayConfig(), SrpConfig(), array, **places)


def shipped_array(name: str) -> MicrophoneArray:
    return MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")


@pytest.fixture(scope="module")
def windows():
    return plane_waves(sphere_array(6), [0.6], 30)


def odds(probability):
    bounded = np.clip(np.asarray(probability, float), SUREST, 1 - SUREST)
    return bounded / (1 - bounded)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_odds_are_the_weighted_geometric_mean_of_both_trackers(windows, share) -> None:
    both = blend(share)
    learned = MixtureTracker(MixtureConfig(), AnyArrayConfig(), sphere_array(6), None, RATE_HZ)
    classical = SrpTracker(SrpConfig(), sphere_array(6), None, RATE_HZ)
    for window in windows:
        found, one, other = both.step(window), learned.step(window), classical.step(window)
        reachable = other.sphere.threshold / SrpConfig().threshold  # how sure srp can be of one cell with this array
        expected = odds(one.sphere.probability) ** (1 - share) * odds(other.sphere.probability / reachable) ** share
        np.testing.assert_allclose(odds(found.sphere.probability), expected, rtol=2e-3, atol=1e-6)
        voice = odds(one.voice_probability) ** (1 - share) * odds(other.voice_probability) ** share
        assert odds(found.voice_probability) == pytest.approx(voice, rel=1e-3)


def test_the_share_is_that_of_how_the_microphones_lie() -> None:
    config = BlendConfig(classical_share=0.0, classical_share_in_a_plane=1.0)
    flat, in_space = shipped_array("square_4mic_10cm"), sphere_array(6)
    for array, is_classical in ((flat, True), (in_space, False)):
        both = BlendTracker(config, MixtureConfig(), AnyArrayConfig(), SrpConfig(), array)
        alone = MixtureTracker(MixtureConfig(), AnyArrayConfig(), array, None, RATE_HZ)
        heard = [(both.step(window), alone.step(window)) for window in plane_waves(array, [0.6], 20)]
        learned = np.clip([one.sphere.probability for _, one in heard], SUREST, 1 - SUREST)
        same = np.allclose([found.sphere.probability for found, _ in heard], learned, rtol=1e-3, atol=1e-6)
        assert same != is_classical


def test_on_a_line_any_array_takes_the_place_of_the_mixture() -> None:
    line = shipped_array("line_4mic")
    config = BlendConfig(classical_share=0.9, classical_share_on_a_line=0.0)
    both = BlendTracker(config, MixtureConfig(), AnyArrayConfig(), SrpConfig(), line)
    learned = AnyArrayTracker(AnyArrayConfig(), line, None, RATE_HZ)
    for window in plane_waves(line, [0.6], 20):
        found, one = both.step(window), learned.step(window)
        expected = np.clip(gathered_talkers(one.sphere.probability), SUREST, 1 - SUREST)
        np.testing.assert_allclose(found.sphere.probability, expected, rtol=1e-3, atol=1e-6)


def test_a_talker_spread_over_heights_counts_as_one() -> None:
    column, wide = np.zeros((36, 72), np.float32), np.zeros((36, 72), np.float32)
    column[12:22, 70:72] = 0.2  # 20 cells: one talker's 4 cells' worth, at the seam of azimuth
    wide[12:22, 70:72], wide[12:22, 0] = 0.2, 0.2
    np.testing.assert_allclose(gathered_talkers(column, 1.0)[17, 70:72], 1.0, atol=1e-5)
    np.testing.assert_allclose(gathered_talkers(column, 2.0)[17, 70:72], 0.5, atol=1e-5)
    assert gathered_talkers(wide, 4.0)[17, 71] > gathered_talkers(column, 4.0)[17, 71]  # counted across the seam
    assert (gathered_talkers(column, 1.0)[column == 0] == 0).all()


def test_a_sharp_talker_and_silence_stay_as_they_are() -> None:
    sharp = np.zeros((36, 72), np.float32)
    sharp[20:22, 30:32] = 0.7
    np.testing.assert_array_equal(gathered_talkers(sharp, 1.0), sharp)
    everywhere = np.full((36, 72), 0.001, np.float32)
    assert gathered_talkers(everywhere, 2.0).max() == pytest.approx(0.001 * np.prod(AROUND_CELLS) / 4 / 2)


def test_the_image_grid_is_what_the_camera_sees_of_the_sphere(windows) -> None:
    both, camera = blend(0.0, camera=bench_camera()), bench_camera()
    learned = MixtureTracker(MixtureConfig(), AnyArrayConfig(), sphere_array(6), camera, RATE_HZ)
    for window in windows:
        found, one = both.step(window), learned.step(window)
    assert found.image is not None and found.image.layout.projection == Projection.IMAGE
    bounded = np.clip(one.image.probability, SUREST, 1 - SUREST)
    np.testing.assert_allclose(found.image.probability, bounded, atol=2e-3)
    assert found.image.frame_id == bench_camera().frame_id
    both.set_camera(None)
    assert both.step(replace(windows[0], stamp_ns=10**10)).image is None


def test_another_array_and_a_reset_reach_both(windows) -> None:
    both = blend()
    first = [both.step(window).sphere.probability for window in windows]
    both.reset()
    again = [both.step(window).sphere.probability for window in windows]
    np.testing.assert_allclose(again, first, atol=1e-6)
    both.set_array(sphere_array(4))
    assert both.array.channels == 4
    with pytest.raises(InputError, match="4 microphones"):
        both.step(windows[0])


def test_the_threshold_of_srp_alone_does_not_count(windows) -> None:
    array = sphere_array(6)
    usual, other = (
        BlendTracker(BlendConfig(), MixtureConfig(), AnyArrayConfig(), srp, array)
        for srp in (SrpConfig(), SrpConfig(threshold=0.0))
    )
    for window in windows[:10]:
        np.testing.assert_array_equal(usual.step(window).sphere.probability, other.step(window).sphere.probability)


@pytest.mark.parametrize("kind", TRACKERS)
def test_no_tracker_takes_microphones_at_one_place(kind):
    """A driver that does not know its geometry publishes zeros: every direction would be as likely."""
    with pytest.raises(InputError, match="mic0 and mic1 are at the same place"):
        open_audio_tracker(kind, EarConfig(), MicrophoneArray(np.zeros((4, 3))), None, RATE_HZ)
