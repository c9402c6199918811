"""Image sources in torch against pyroomacoustics: rooms side by side, walls that differ, talkers on the move."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom, heard_along

torch = pytest.importorskip("torch")
pyroomacoustics = pytest.importorskip("pyroomacoustics")

from avloc_ros.simulation.sound.moving_sound_tensors import heard_along_batch  # noqa: E402
from avloc_ros.simulation.sound.shoebox_tensors import (  # noqa: E402
    FULL_SINC,
    SHORT_SINC,
    even_shoeboxes,
    image_numbers,
    image_responses,
    shoeboxes_of,
)

RATE_HZ, LENGTH = 16_000, 2560
MICROPHONES_M = np.array([[0.05, 0.0, 0.0], [0.0, -0.03, 0.03]])
SOURCES_M = np.array([[1.0, 0.3, 0.2], [-0.8, 1.1, -0.1]])
SIZE_M, PLACE_M = (5.1, 4.2, 2.7), (2.2, 1.9, 1.2)
ROOMS = [
    ShoeboxRoom(SIZE_M, PLACE_M, 0.12, 4),  # needs fewer reflections than the others
    ShoeboxRoom(SIZE_M, PLACE_M, 0.4, 4),
    ShoeboxRoom((4.0, 5.5, 3.1), (1.5, 2.5, 1.3), 0.4, 4, (0.1, 0.5, 0.3, 0.9, 0.2, 0.7)),
]


@pytest.fixture(autouse=True)
def without_high_pass():
    """pyroomacoustics lays a 10 Hz high-pass over its responses, which is no part of the image-source method."""
    before = pyroomacoustics.constants.get("rir_hpf_enable")
    pyroomacoustics.constants.set("rir_hpf_enable", False)
    yield
    pyroomacoustics.constants.set("rir_hpf_enable", before)


def error_db(found, expected):
    return 10 * np.log10(np.sum((found - expected) ** 2) / np.sum(expected**2))


def responses(sinc_taps):
    """Of all ROOMS in one go, (rooms, sources, taps, channels)."""
    sources, microphones = (torch.tensor(m).float().expand(len(ROOMS), -1, -1) for m in (SOURCES_M, MICROPHONES_M))
    rooms = shoeboxes_of(ROOMS, torch.device("cpu"))
    return image_responses(rooms, sources, microphones, RATE_HZ, LENGTH, sinc_taps).transpose(2, 3).numpy()


def pairs(found):
    """Each response beside that of pyroomacoustics."""
    for room, several in zip(ROOMS, found, strict=True):
        for own, other in zip(several, room.responses(MICROPHONES_M, SOURCES_M, RATE_HZ), strict=True):
            length = min(LENGTH, len(other))
            assert np.abs(own[length + 41 :]).max(initial=0) < 1e-3  # nothing where pyroomacoustics has ended
            yield own[:length], other[:length]


def test_responses_are_those_of_pyroomacoustics():
    for own, other in pairs(responses(FULL_SINC)):
        assert error_db(own, other) < -40


def test_a_short_sinc_is_as_good_from_200_hz_to_five_kilohertz():
    band = butter(4, [200, 5000], "band", fs=RATE_HZ, output="sos")
    for own, other in pairs(responses(SHORT_SINC)):
        own, other = (sosfilt(band, response, axis=0) for response in (own, other))
        assert np.abs(own - other).max() < 0.02 * np.abs(other).max()
        assert error_db(own, other) < -30


def test_even_rooms_are_those_of_the_records():
    even = [room for room in ROOMS if not room.wall_absorption]
    found = even_shoeboxes(
        torch.tensor([room.size_m for room in even]), torch.tensor([PLACE_M] * 2), torch.tensor([0.12, 0.4]), 4
    )
    wanted = shoeboxes_of(even, torch.device("cpu"))
    assert torch.equal(found.order, wanted.order) and torch.equal(found.reflected, wanted.reflected)
    for room, order, reflected in zip(even, found.order.tolist(), found.reflected[:, 0].tolist(), strict=True):
        absorption, needed = pyroomacoustics.inverse_sabine(room.rt60_s, room.size_m)
        assert order == min(needed, 4) and reflected == pytest.approx(np.sqrt(1 - absorption), abs=1e-3)


def test_images_of_an_order_are_counted_once():
    numbers = image_numbers(2, torch.device("cpu"))
    assert len(numbers) == 1 + 6 + 18
    assert len({tuple(n) for n in numbers.tolist()}) == len(numbers)


def test_a_moving_talker_sounds_as_in_heard_along():
    rng = np.random.default_rng(0)
    room = ShoeboxRoom(SIZE_M, PLACE_M, 0.3, 3)
    dry = rng.standard_normal((2, 6400))
    way = np.stack([np.linspace([1.0, 0.3, 0.2], [0.6, 1.0, 0.2], 5), np.tile([-0.8, 1.1, -0.1], (5, 1))])
    way = way.round(2)  # heard_along takes places to the centimetre
    sounds, places, microphones = (torch.from_numpy(values).float() for values in (dry, way, MICROPHONES_M))
    found = heard_along_batch(sounds, places, room, microphones, RATE_HZ, 1600, LENGTH).numpy()
    for own, sound, path in zip(found, dry, way, strict=True):
        assert error_db(own.T, heard_along(sound, path, room, MICROPHONES_M, RATE_HZ, 0.1)) < -40
