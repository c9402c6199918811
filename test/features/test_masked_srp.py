"""Masked steered power against SrpPhat itself, and against what a mask must do to two sources."""

import numpy as np
import pytest

from avloc_ros.features.directions.masked_srp import MaskMemory, pair_phases, project_masked, sum_under_masks
from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray

FREQUENCIES_HZ = np.arange(250.0, 7000.0, 31.25)
AZIMUTHS = np.radians(np.arange(-180, 180, 5.0))
ARRAY = MicrophoneArray(
    np.array([[0.05, 0, 0], [-0.05, 0, 0], [0, 0.05, 0], [0, -0.05, 0], [0, 0, 0.06]])
)


@pytest.fixture(scope="module")
def steering() -> SrpPhat:
    points = 2.0 * direction_from_angles(AZIMUTHS, np.zeros_like(AZIMUTHS))
    return SrpPhat(ARRAY, FREQUENCIES_HZ, points)


def plane_wave(azimuth_rad: float, hops: int, rng: np.random.Generator) -> np.ndarray:
    """Spectra (hops, channels, bins) of noise from far away."""
    lead_s = ARRAY.positions_m @ direction_from_angles(np.array(azimuth_rad), np.array(0.0)) / 343.0
    source = rng.normal(size=(hops, 1, len(FREQUENCIES_HZ))) + 1j * rng.normal(size=(hops, 1, len(FREQUENCIES_HZ)))
    return (source * np.exp(2j * np.pi * FREQUENCIES_HZ * lead_s[:, None])).astype(np.complex64)


def masked_map(steering: SrpPhat, spectra: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(masks, cells) from masks (hops, masks, bins)."""
    phases = pair_phases(spectra, steering.first, steering.second)
    vectors = project_masked(steering, sum_under_masks(phases[None], masks[None])[0])
    return vectors @ steering.steering / (steering.pairs * masks.sum((0, 2))[:, None])


def test_a_mask_of_ones_is_srp_phat(steering):
    rng = np.random.default_rng(0)
    spectra = plane_wave(0.7, 4, rng) + 0.5 * plane_wave(-2.0, 4, rng)
    ones = np.ones((4, 1, len(FREQUENCIES_HZ)), np.float32)
    projected = steering.project(spectra, ones[:, 0]).sum(0)
    expected = steering.power(projected[None], np.array([ones.sum()], np.float32))
    np.testing.assert_allclose(masked_map(steering, spectra, ones), expected, atol=2e-5)


def test_a_mask_chooses_between_two_sources(steering):
    """One source below 2 kHz, another above: each mask's map peaks at its own."""
    rng = np.random.default_rng(1)
    low = (FREQUENCIES_HZ < 2000).astype(np.float32)
    spectra = plane_wave(np.radians(60), 4, rng) * low + plane_wave(np.radians(-110), 4, rng) * (1 - low)
    masks = np.broadcast_to(np.stack([low, 1 - low]), (4, 2, len(low)))
    maps = masked_map(steering, spectra.astype(np.complex64), masks)
    assert np.degrees(AZIMUTHS[maps.argmax(1)]) == pytest.approx([60.0, -110.0])
    assert (maps.max(1) > 0.95).all()


def test_torch_sums_as_numpy_does():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    phases = rng.normal(size=(3, 4, 6, 20)).astype(np.float32)
    masks = rng.random((3, 4, 2, 10)).astype(np.float32)
    by_torch = sum_under_masks(torch.as_tensor(phases), torch.as_tensor(masks)).numpy()
    np.testing.assert_allclose(by_torch, sum_under_masks(phases, masks), rtol=1e-5, atol=1e-6)
    slow = np.einsum("fhmb,fhpb->fmpb", np.concatenate([masks, masks], -1), phases)
    np.testing.assert_allclose(by_torch, slow, rtol=1e-5, atol=1e-5)


def test_memory_is_a_leaky_sum_with_a_time_constant_of_its_own():
    rng, hop_s = np.random.default_rng(3), 0.01
    memory = MaskMemory(np.array([0.05, 0.4]), hop_s)
    vectors, weights = rng.normal(size=(12, 2, 5)), rng.random((12, 2))
    for vector, weight in zip(vectors, weights, strict=True):
        found_vector, found_weight = memory.add(vector, weight, 4)
    age_s = 0.04 * np.arange(11, -1, -1)
    for row, time_constant_s in enumerate((0.05, 0.4)):
        decay = np.exp(-age_s / time_constant_s)
        np.testing.assert_allclose(found_vector[row], decay @ vectors[:, row], rtol=1e-5)
        np.testing.assert_allclose(found_weight[row], decay @ weights[:, row], rtol=1e-5)


def test_memory_starts_anew_with_other_microphones():
    memory = MaskMemory(np.array([1.0]), 0.01)
    memory.add(np.ones((1, 5)), np.ones(1), 4)
    vector, weight = memory.add(np.ones((1, 7)), np.ones(1), 4)
    assert vector.shape == (1, 7) and weight == pytest.approx([1.0])
