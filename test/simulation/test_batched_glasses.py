"""What glasses hear, made in torch: the head's shadow against its own filter, and the rooms that are drawn."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.simulation.glasses.batched_glasses import RenderedSoundConfig, draw_rooms  # noqa: E402
from avloc_ros.simulation.glasses.head_shadow import HEAD_CENTRE_M, shadowed  # noqa: E402
from avloc_ros.simulation.glasses.head_shadow_tensors import shadow_gains, shadow_spectra  # noqa: E402
from avloc_ros.simulation.glasses.scene import glasses_array  # noqa: E402

RATE_HZ = 16_000


def test_shadow_is_that_of_the_filter():
    microphones, source = glasses_array().positions_m, np.array([0.3, -1.5, 0.2])
    pulse = np.zeros((1024, 6))
    pulse[3] = 1
    wanted = np.fft.rfft(shadowed(pulse, microphones, source, RATE_HZ), axis=0).T
    gains = shadow_gains(torch.tensor(microphones - HEAD_CENTRE_M), torch.tensor(source - HEAD_CENTRE_M))
    found = shadow_spectra(gains, 1024, RATE_HZ).numpy() * np.fft.rfft(pulse, axis=0).T
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_drawn_rooms_hold_the_head_and_differ():
    rooms = draw_rooms(50, torch.Generator().manual_seed(1), RenderedSoundConfig())
    assert bool((rooms.array_m > 1).all() and (rooms.array_m[:, :2] < rooms.size_m[:, :2] - 1.9).all())
    assert len(rooms.reflected[:, 0].unique()) == 50 and int(rooms.order.max()) == 6
