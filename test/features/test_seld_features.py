"""Features of sound events on plane waves, and numpy against torch."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.inputs.array_features import ArrayFeatureConfig, gcc_features, gcc_phat, salsa_lite
from avloc_ros.features.inputs.coloc_features import ColocFeatureConfig, coloc_features
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig, foa_features, intensity
from avloc_ros.features.spectra.centred_stft import centred_stft, hann_window
from avloc_ros.features.spectra.scaler import ScalerFit
from avloc_ros.features.spectra.slaney_mel import hz_from_mel, mel_from_hz, mel_weights
from avloc_ros.geometry import direction_from_angles
from avloc_ros.types import InputError

RATE = 24000


def foa_plane_wave(azimuth_deg, elevation_deg, seconds=0.5, seed=0):
    """Noise (n, 4) in order W, Y, Z, X from one direction."""
    x, y, z = direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg))
    noise = np.random.default_rng(seed).normal(0, 0.1, int(RATE * seconds))
    return (noise[:, None] * np.array([1, y, z, x])).astype(np.float32)


def test_mel_scale_and_bands():
    assert mel_from_hz([0, 1000, 6400]) == pytest.approx(
        [0, 15, 42]
    )  # Slaney: 15 linear steps, then 27 to 6.4 kHz
    assert hz_from_mel(mel_from_hz([50, 700, 3000, 11000])) == pytest.approx([50, 700, 3000, 11000])
    weights = mel_weights(RATE, 8192, 64)
    assert weights.sum(1) * (RATE / 8192) == pytest.approx(np.ones(64), abs=0.02)  # unit area
    peaks_hz = weights.argmax(1) * (RATE / 8192)
    assert peaks_hz == pytest.approx(
        hz_from_mel(np.linspace(0, mel_from_hz(12000), 66))[1:-1], abs=RATE / 8192
    )
    with pytest.raises(InputError, match="12000"):
        mel_weights(RATE, 512, 64, 0, 13000)


def test_the_stft_is_the_sum_it_stands_for():
    samples = np.random.default_rng(1).normal(size=(3000, 2)).astype(np.float32)
    spectra = centred_stft(samples, 512, 400, 150)
    assert spectra.shape == (2, 20, 257)
    frame, bin_index = 7, 33
    n = np.arange(512)
    piece = samples[7 * 150 - 256 : 7 * 150 + 256, 1]
    slow = np.sum(piece * hann_window(512, 400) * np.exp(-2j * np.pi * bin_index * n / 512))
    assert spectra[1, frame, bin_index] == pytest.approx(slow, abs=1e-3)
    assert centred_stft(np.zeros((72000, 4)), 512, 512, 150).shape == (4, 480, 257)


@pytest.mark.parametrize("divided_by", ["vector", "energy"])
def test_intensity_points_to_the_plane_wave(divided_by):
    spectra = centred_stft(foa_plane_wave(130, -25), 512, 512, 150)
    flow = intensity(spectra, divided_by)[:, 3:-3, 5:-5]
    expected = direction_from_angles(np.radians(130), np.radians(-25))[[1, 2, 0]]
    scale = 1.0 if divided_by == "vector" else 1 / (1 + 1 / 3)  # a plane wave: |Y|^2 + |Z|^2 + |X|^2 = |W|^2
    assert np.abs(flow - scale * expected[:, None, None]).max() < 1e-3


def test_foa_features_have_the_shape_and_level_of_the_paper():
    features = foa_features(foa_plane_wave(0, 0, 3.0))
    assert features.shape == (7, 480, 128) and features.dtype == np.float32
    quiet = foa_features(foa_plane_wave(0, 0, 3.0) / 10)
    assert (features[0] - quiet[0]).mean() == pytest.approx(
        20, abs=1e-3
    )  # a tenth of the amplitude is 20 dB less
    assert foa_features(np.zeros((3000, 4)))[0].max() == pytest.approx(-100)
    with pytest.raises(InputError, match="W, Y, Z, X"):
        foa_features(np.zeros((3000, 3)))


def test_coloc_features_of_the_report():
    samples = foa_plane_wave(90, 0, 5.0)
    features = coloc_features(samples)
    assert features.shape == (11, 250, 513)
    spectra = centred_stft(samples, 1024, 960, 480)
    rebuilt = 10 ** (features[:4] / 20) * np.exp(1j * features[4:8])
    assert np.abs(rebuilt[1] - spectra[1]).max() < 1e-3
    assert features[8, 5:-5, 5:-5] == pytest.approx(np.ones((240, 503)), abs=1e-3)  # y of the left


def delayed(samples, seconds):
    """The same signal later, by a phase ramp."""
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(samples) * np.exp(-2j * np.pi * frequencies * seconds), len(samples))


def test_gcc_peaks_at_the_delay_and_salsa_gives_the_path():
    noise = np.random.default_rng(3).normal(0, 0.1, RATE)
    samples = np.stack([noise, delayed(noise, 5 / RATE)], 1).astype(np.float32)
    features = gcc_features(samples)
    assert features.shape == (3, 160, 128)
    assert np.median(features[2].argmax(-1)) == 64 + 5  # later at the second microphone: a positive lag
    spectra = centred_stft(samples, 512, 512, 150)
    assert np.median(gcc_phat(spectra[1], spectra[0], 128).argmax(-1)) == 64 - 5
    config = ArrayFeatureConfig()
    first, phase_end, end = config.bins
    salsa = salsa_lite(samples, config)
    assert salsa.shape == (3, 160, end - first)
    path = np.median(salsa[2][:, 3 : phase_end - first - 1])
    assert path == pytest.approx(-5 / RATE * config.sound_speed_mps, rel=0.03)
    assert (salsa[2][:, phase_end - first :] == 0).all()


def test_the_scaler_gives_zero_mean_and_unit_deviation():
    rng = np.random.default_rng(4)
    chunks = [rng.normal(3, 2, (2, 50, 4)) * np.array([1, 5, 0, 2]) for _ in range(3)]
    fit = ScalerFit()
    for chunk in chunks:
        fit.add(chunk)
    scaled = fit.scaler()(np.concatenate(chunks, 1))
    assert scaled.mean(1) == pytest.approx(np.zeros((2, 4)), abs=1e-5)
    assert scaled.std(1)[:, [0, 1, 3]] == pytest.approx(np.ones((2, 3)), abs=1e-5)
    with pytest.raises(InputError, match="empty"):
        ScalerFit().scaler()
    with pytest.raises(InputError, match="fitted on"):
        fit.scaler()(np.zeros((3, 50, 4)))


def test_torch_gives_what_numpy_gives():
    torch = pytest.importorskip("torch")
    from avloc_ros.training.sound_events import batched_features as batched

    rng = np.random.default_rng(5)
    samples = rng.normal(0, 0.1, (2, 12000, 4)).astype(np.float32)
    batch = torch.from_numpy(samples).transpose(1, 2)
    cases = [
        (batched.BatchedFoaFeatures(c), lambda s, c=c: foa_features(s, c))
        for c in (FoaFeatureConfig(), FoaFeatureConfig(intensity="energy", mel_bands=64, hop_length=480))
    ]
    cases += [
        (batched.BatchedGccFeatures(), gcc_features),
        (batched.BatchedSalsaLite(), salsa_lite),
        (batched.BatchedColocFeatures(ColocFeatureConfig(intensity="energy")),
         lambda s: coloc_features(s, ColocFeatureConfig(intensity="energy"))),
    ]  # fmt: skip
    for module, plain in cases:
        ours, theirs = module(batch).numpy(), np.stack([plain(s) for s in samples])
        assert ours.shape == theirs.shape
        # The first frame is its own mirror image, so its spectrum is real and a phase may be pi or -pi.
        off = np.abs(ours - theirs)[:, :, 1:, 1:-1] > 2e-3
        assert off.mean() < 1e-4 and np.abs(ours - theirs)[:, :, 1:, 1:-1][~off].mean() < 2e-5
