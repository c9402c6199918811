# ruff: noqa: E402
"""What is asked of the sound about a direction, against physics; and that the network answers each question by itself."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.datasets.events.channel_swap import ALL_SWAPS
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig, mel_of
from avloc_ros.features.spectra.centred_stft import centred_stft
from avloc_ros.geometry import direction_from_angles
from avloc_ros.models.sound_events.direction_query import (
    EVIDENCE_CHANNELS,
    LOWEST_DB,
    DirectionEvidence,
    DirectionQuery,
    DirectionQueryConfig,
)

RATE, LABELS = 24000, 6
FOA = FoaFeatureConfig(fft_length=1024, window_length=960, hop_length=480, mel_bands=64)
CONFIG = DirectionQueryConfig(filters=(4, 6, 8, 8), gru_units=5, dense_units=7)


def at(azimuth_deg: float, elevation_deg: float = 10.0) -> np.ndarray:
    return direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg)).astype(np.float32)


def foa(sound: np.ndarray, direction: np.ndarray) -> np.ndarray:
    x, y, z = direction
    return (sound[:, None] * np.array([1.0, y, z, x])).astype(np.float32)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(LABELS * RATE // 10) * 0.1


def parts(samples: np.ndarray) -> torch.Tensor:
    spectra = centred_stft(samples, 1024, 960, 480)
    return torch.from_numpy(np.concatenate([spectra.real, spectra.imag]))[None]


def asked(*directions: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(directions))[None, :, None].expand(1, -1, LABELS, 3).contiguous()


def test_a_plane_wave_is_heard_from_where_it_comes_and_from_nowhere_else():
    towards, away = at(70), -at(70)
    evidence = DirectionEvidence(CONFIG, FOA)(parts(foa(noise(1), towards)), asked(towards, away), torch.zeros(1, 2, LABELS))
    assert evidence.shape == (1, 2, EVIDENCE_CHANNELS, 5 * LABELS, 64)
    there, behind = evidence[0].mean((2, 3)).numpy()
    _, beam, back, wide, narrow, share, shared, flow, direct = there
    assert beam == pytest.approx(0.0, abs=0.01) and back < -30.0 and wide == pytest.approx(0.0, abs=0.01)
    assert narrow == pytest.approx(0.0, abs=0.1)
    assert [share, flow, direct] == pytest.approx([1.0, 1.0, 1.0], abs=0.01) and shared > 0.99
    assert behind[1] < -30.0 and behind[2] == pytest.approx(0.0, abs=0.01) and behind[4] == LOWEST_DB
    assert behind[5] < 0.01 and behind[7] == pytest.approx(-1.0, abs=0.01)


def test_beams_are_those_of_the_samples():
    """The cardioid is made of the sound itself, before any spectrum."""
    samples = foa(noise(1), at(70)) + foa(noise(2), at(-20)) + 0.02 * np.random.default_rng(3).normal(size=(len(noise(1)), 4))
    samples, look = samples.astype(np.float32), at(30, -15)
    evidence = DirectionEvidence(CONFIG, FOA)(parts(samples), asked(look), torch.zeros(1, 1, LABELS))[0, 0].numpy()
    mel = mel_of(FOA).T
    level = [np.square(np.abs(centred_stft(heard[:, None], 1024, 960, 480)[0])) @ mel for heard in (
        samples[:, 0], (samples[:, 0] + samples[:, [3, 1, 2]] @ look) / 2, (samples[:, 0] - samples[:, [3, 1, 2]] @ look) / 2
    )]  # fmt: skip
    assert np.allclose(evidence[0], 10 * np.log10(level[0]), atol=0.01)
    for channel, beam in ((1, level[1]), (2, level[2])):
        assert np.allclose(evidence[channel], 10 * np.log10(beam / level[0]), atol=0.05)


def test_the_turned_sound_asked_for_the_turned_direction_gives_the_same():
    samples = foa(noise(1), at(70)) + foa(noise(2), at(-20))
    directions, rivals = [at(60), at(-30)], torch.ones(1, 2, LABELS)
    make = DirectionEvidence(CONFIG, FOA)
    before = make(parts(samples), asked(*directions), rivals)
    for swap in ALL_SWAPS[::5]:
        turned = asked(*(swap.matrix().astype(np.float32) @ direction for direction in directions))
        assert torch.allclose(make(parts(swap.samples(samples)), turned, rivals), before, atol=2e-3)


def test_a_told_direction_takes_its_share_and_only_there():
    samples, here = foa(noise(1), at(70)), at(50)
    make = DirectionEvidence(CONFIG, FOA)
    shares = [make(parts(samples), asked(here, at(70), at(-100)), torch.tensor(told)[None, :, None].expand(1, 3, LABELS).float())
              for told in ((0, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0))]  # fmt: skip
    alone, beside, far, itself = (float(share[0, 0, 6].mean()) for share in shares)
    assert beside < 0.75 * alone and far == pytest.approx(alone, rel=0.01) and itself == alone
    assert all(torch.equal(share[0, :, :6], shares[0][0, :, :6]) for share in shares)


def test_each_question_has_its_own_answer():
    torch.manual_seed(0)
    network = DirectionQuery(CONFIG, FOA, 13, 5).eval()
    spectra = parts(foa(noise(1), at(70)) + foa(noise(2), at(-20)))
    questions = asked(at(70), at(-20), at(100))
    with torch.no_grad():
        together = network(spectra, questions, torch.zeros(1, 3, LABELS))
        alone = [network(spectra, questions[:, [row]], torch.zeros(1, 1, LABELS)) for row in range(3)]
    assert together.shape == (1, 3, LABELS, 13)
    assert torch.allclose(together, torch.cat(alone, 1), atol=1e-5)
    assert (together[0, 0] - together[0, 1]).abs().max() > 1e-3
