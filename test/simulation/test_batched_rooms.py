"""Batched rooms against pyroomacoustics and against the head shadow's own filter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

torch = pytest.importorskip("torch")

from avloc_ros.simulation.batched_rooms import (  # noqa: E402
    draw_rooms,
    image_numbers,
    responses,
    rooms_of,
    shadow_gains,
    shadow_spectra,
)  # fmt: skip
from avloc_ros.simulation.egocentric import glasses_array  # noqa: E402
from avloc_ros.simulation.head_shadow import HEAD_CENTRE_M, shadowed  # noqa: E402
from avloc_ros.simulation.moving_sound import ShoeboxRoom  # noqa: E402

RATE_HZ, LENGTH = 16_000, 4096


@pytest.mark.parametrize(("rt60_s", "order"), [(0.5, 6), (0.25, 3)])
def test_responses_are_those_of_pyroomacoustics_from_200_hz_to_five_kilohertz(rt60_s, order):
    pytest.importorskip("pyroomacoustics")
    microphones, source = glasses_array().positions_m, np.array([1.4, 0.5, 0.1])
    size, head = (6.2, 5.4, 2.9), (2.0, 2.4, 1.2)
    wanted = ShoeboxRoom(size, head, rt60_s, order).responses(microphones, source[None], RATE_HZ)[0]
    rooms = rooms_of(torch.tensor([size]), torch.tensor([head]), torch.tensor([rt60_s]), order)
    found = responses(
        rooms,
        torch.tensor(source, dtype=torch.float32)[None, None],
        torch.tensor(microphones, dtype=torch.float32)[None, None],
        most_reflections=order,
        sample_rate_hz=RATE_HZ,
        length=LENGTH,
    )[0, 0, 0].T.numpy()
    band = butter(4, [200, 5000], "band", fs=RATE_HZ, output="sos")
    wanted = np.pad(wanted, ((0, max(0, LENGTH - len(wanted))), (0, 0)))[:LENGTH]
    wanted, found = (sosfilt(band, response, axis=0) for response in (wanted, found))
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()
    assert np.sum((found - wanted) ** 2) < 1e-3 * np.sum(wanted**2)


def test_shadow_is_that_of_the_filter():
    microphones, source = glasses_array().positions_m, np.array([0.3, -1.5, 0.2])
    pulse = np.zeros((1024, 6))
    pulse[3] = 1
    wanted = np.fft.rfft(shadowed(pulse, microphones, source, RATE_HZ), axis=0).T
    gains = shadow_gains(torch.tensor(microphones - HEAD_CENTRE_M), torch.tensor(source - HEAD_CENTRE_M))
    found = shadow_spectra(gains, 1024, RATE_HZ).numpy() * np.fft.rfft(pulse, axis=0).T
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_images_of_an_order_are_counted_once():
    numbers = image_numbers(2, torch.device("cpu"))
    assert len(numbers) == 1 + 6 + 18
    assert len({tuple(n) for n in numbers.tolist()}) == len(numbers)


def test_drawn_rooms_hold_the_head_and_differ():
    rooms = draw_rooms(50, torch.Generator().manual_seed(1), most_reflections=6, rt60_s=(0.2, 0.7))
    assert bool((rooms.head_m > 1).all() and (rooms.head_m[:, :2] < rooms.size_m[:, :2] - 1.9).all())
    assert len(rooms.reflection.unique()) == 50 and float(rooms.order.max()) == 6
