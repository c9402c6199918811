"""The steered power against the textbook sum, against torch, and against pyroomacoustics."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError

POSITIONS_M = np.array(
    [
        [0, 0.09, 0],
        [0, -0.09, 0],
        [0.07, 0.04, 0.08],
        [0.07, -0.04, 0.08],
        [-0.08, 0.04, 0.06],
        [-0.08, -0.04, 0.06],
    ]
)
ARRAY = MicrophoneArray(POSITIONS_M)
FREQUENCIES_HZ = np.arange(300.0, 7000.0, 31.25)


def random_frames(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (frames, 6, bins) and weights (frames, bins) without any structure."""
    random = np.random.default_rng(seed)
    shape = (frames, len(POSITIONS_M), len(FREQUENCIES_HZ))
    spectra = (random.normal(size=shape) + 1j * random.normal(size=shape)).astype(np.complex64)
    return spectra, random.uniform(0.1, 1, (frames, len(FREQUENCIES_HZ))).astype(np.float32)


def random_directions(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    return direction_from_angles(
        random.uniform(-np.pi, np.pi, count), np.arcsin(random.uniform(-1, 1, count))
    )


def textbook_power(spectra: np.ndarray, weights: np.ndarray, points_m: np.ndarray) -> np.ndarray:
    """Beamformer power minus the microphones' own, written out: (frames, cells)."""
    delays_s = (
        np.linalg.norm(points_m[:, None] - POSITIONS_M, axis=-1) / ARRAY.sound_speed_mps
    )  # (cells, channels)
    phase = spectra / np.abs(spectra)
    power = np.zeros((len(spectra), len(points_m)))
    for cell, delay in enumerate(delays_s):
        beam = (phase * np.exp(2j * np.pi * FREQUENCIES_HZ * delay[:, None])).sum(1)  # (frames, bins)
        pairs = (np.abs(beam) ** 2 - len(POSITIONS_M)) / 2  # sum over pairs, each once
        power[:, cell] = (weights * pairs).sum(-1) / weights.sum(-1) / 15
    return power


def test_power_is_the_delay_and_sum_beam() -> None:
    spectra, weights = random_frames(3)
    points_m = random_directions(40) * np.linspace(0.5, 3, 40)[:, None]  # near ones too: spherical waves
    steering = SrpPhat(ARRAY, FREQUENCIES_HZ, points_m)
    power = steering.power(steering.project(spectra, weights), weights.sum(1))
    np.testing.assert_allclose(power, textbook_power(spectra, weights, points_m), atol=2e-4)


def test_torch_agrees_with_numpy() -> None:
    pytest.importorskip("torch", reason="torch is an extra")
    spectra, weights = random_frames(4)
    points_m = random_directions(50) * 2
    maps = []
    for device in ("cpu", "torch:cpu"):
        steering = SrpPhat(ARRAY, FREQUENCIES_HZ, points_m, device)
        maps.append(steering.on_cpu(steering.power(steering.project(spectra, weights), weights.sum(1))))
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-5)


def test_a_batch_is_its_frames_one_by_one() -> None:
    spectra, weights = random_frames(5)
    steering = SrpPhat(ARRAY, FREQUENCIES_HZ, random_directions(30) * 2)
    together = steering.project(spectra, weights)
    single = np.concatenate([steering.project(spectra[i : i + 1], weights[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, single, atol=1e-4)


def test_same_direction_as_pyroomacoustics() -> None:
    pyroomacoustics = pytest.importorskip("pyroomacoustics", reason="pyroomacoustics is an extra")
    rate, length = 16000, 512
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    doa = pyroomacoustics.doa.SRP(
        POSITIONS_M.T, rate, length, c=ARRAY.sound_speed_mps, num_src=1, dim=3, n_grid=480
    )
    directions = np.stack([doa.grid.x, doa.grid.y, doa.grid.z], axis=1)
    band = (frequencies >= 300) & (frequencies <= 7000)
    steering = SrpPhat(ARRAY, frequencies[band], directions * 1000)
    random = np.random.default_rng(2)
    agree = 0
    for truth in random_directions(20):
        source = random.normal(size=(4, 1, len(frequencies))) + 1j * random.normal(
            size=(4, 1, len(frequencies))
        )
        arrival_s = -POSITIONS_M @ truth / ARRAY.sound_speed_mps
        spectra = source * np.exp(-2j * np.pi * frequencies * arrival_s[:, None])
        spectra = spectra + 0.7 * (random.normal(size=spectra.shape) + 1j * random.normal(size=spectra.shape))
        doa.locate_sources(spectra.transpose(1, 2, 0), freq_range=[300, 7000])
        weights = np.ones((4, int(band.sum())), np.float32)
        projected = steering.project(spectra[..., band].astype(np.complex64), weights).sum(0, keepdims=True)
        ours = int(np.argmax(steering.power(projected, np.array([weights.sum()]))))
        agree += ours == int(np.argmax(doa.grid.values))
        assert directions[ours] @ truth > np.cos(np.radians(8))  # the grid itself is coarse
    assert agree >= 18  # between two directions of all but equal power the rounding decides


def test_a_wrong_shape_is_said() -> None:
    with pytest.raises(InputError, match="points"):
        SrpPhat(ARRAY, FREQUENCIES_HZ, np.zeros((5, 2)))


@pytest.mark.parametrize(("device", "words"), [("tpu-9", "allowed are"), ("cuda:99", "torch sees")])
def test_a_device_that_is_not_there_is_named(device: str, words: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=words):
        SrpPhat(ARRAY, FREQUENCIES_HZ, np.eye(3), device)
