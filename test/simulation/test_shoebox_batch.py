"""The image-source method in torch against pyroomacoustics."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.simulation.moving_sound import ShoeboxRoom, heard_along

torch = pytest.importorskip("torch")
pyroomacoustics = pytest.importorskip("pyroomacoustics")

RATE_HZ, LENGTH = 16_000, 2560
MICROPHONES_M = np.array([[0.05, 0.0, 0.0], [0.0, -0.03, 0.03]])


@pytest.fixture(autouse=True)
def without_high_pass():
    """pyroomacoustics lays a 10 Hz high-pass over its responses, which is no part of the image-source method."""
    before = pyroomacoustics.constants.get("rir_hpf_enable")
    pyroomacoustics.constants.set("rir_hpf_enable", False)
    yield
    pyroomacoustics.constants.set("rir_hpf_enable", before)


def error_db(found, expected):
    return 10 * np.log10(np.sum((found - expected) ** 2) / np.sum(expected**2))


@pytest.mark.parametrize("rt60_s", [0.12, 0.4])
def test_responses_are_those_of_pyroomacoustics(rt60_s):
    from avloc_ros.simulation.shoebox_batch import responses

    room = ShoeboxRoom((5.1, 4.2, 2.7), (2.2, 1.9, 1.2), rt60_s, 4)
    sources_m = np.array([[1.0, 0.3, 0.2], [-0.8, 1.1, -0.1]])
    expected = room.responses(MICROPHONES_M, sources_m, RATE_HZ)
    places = torch.from_numpy(sources_m).float()
    found = responses(room, torch.from_numpy(MICROPHONES_M).float(), places, RATE_HZ, LENGTH).numpy()
    for own, other in zip(found, expected, strict=True):
        length = min(LENGTH, len(other))
        assert error_db(own.T[:length], other[:length]) < -40


def test_a_moving_talker_sounds_as_in_heard_along():
    from avloc_ros.simulation.shoebox_batch import heard_along_batch

    rng = np.random.default_rng(0)
    room = ShoeboxRoom((5.1, 4.2, 2.7), (2.2, 1.9, 1.2), 0.3, 3)
    dry = rng.standard_normal((2, 6400))
    way = np.stack([np.linspace([1.0, 0.3, 0.2], [0.6, 1.0, 0.2], 5), np.tile([-0.8, 1.1, -0.1], (5, 1))])
    way = way.round(2)  # heard_along takes places to the centimetre
    found = heard_along_batch(
        torch.from_numpy(dry).float(),
        torch.from_numpy(way).float(),
        room,
        torch.from_numpy(MICROPHONES_M).float(),
        RATE_HZ,
        1600,
        LENGTH,
    ).numpy()
    for own, sound, path in zip(found, dry, way, strict=True):
        expected = heard_along(sound, path, room, MICROPHONES_M, RATE_HZ, 0.1)
        assert error_db(own.T, expected) < -40
