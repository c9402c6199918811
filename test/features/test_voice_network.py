"""The numpy network against torch's GRU, and what the shipped weights tell apart."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from avloc_ros.features.spectra.mel import mel_filters
from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.features.spectra.voice_activity import Voicing
from avloc_ros.features.spectra.voice_network import (
    BANDS,
    FRAME_S,
    HOP_S,
    BandLevels,
    VoiceNetwork,
    VoiceWeights,
)
from avloc_ros.types import InputError

KIT = Path(os.environ.get("AVLOC_DATA", "/nonexistent"))
FREQUENCIES_HZ = np.arange(0.0, 7000.0, 31.25)


def test_numpy_network_is_torchs_gru() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra")
    weights = VoiceWeights.load()
    hidden = weights.hidden_weight.shape[1]
    gru, output = torch.nn.GRU(BANDS + 1, hidden, batch_first=True), torch.nn.Linear(hidden, 1)
    for parameter, values in (
        (gru.weight_ih_l0, weights.input_weight),
        (gru.weight_hh_l0, weights.hidden_weight),
        (gru.bias_ih_l0, weights.input_bias),
        (gru.bias_hh_l0, weights.hidden_bias),
        (output.weight, weights.output_weight),
        (output.bias, weights.output_bias),
    ):
        parameter.data = torch.tensor(values)
    power = np.random.default_rng(0).exponential(1e-4, (60, len(FREQUENCIES_HZ))).astype(np.float32)
    voicing = np.random.default_rng(1).uniform(size=60)
    network, features = VoiceNetwork(FREQUENCIES_HZ), BandLevels(FREQUENCIES_HZ)(power, voicing)
    streamed = [network(power[i : i + 20], voicing[i : i + 20]) for i in (0, 20, 40)]
    expected = torch.sigmoid(output(gru(torch.tensor(features)[None])[0]))[0].detach().numpy()
    np.testing.assert_allclose(np.concatenate(streamed), expected[:, 0], atol=1e-4)


def test_level_does_not_matter() -> None:
    power = np.random.default_rng(0).exponential(1e-3, (100, len(FREQUENCIES_HZ))).astype(np.float32)
    voicing = np.full(100, 0.3)
    loud, soft = (
        VoiceNetwork(FREQUENCIES_HZ)(power, voicing),
        VoiceNetwork(FREQUENCIES_HZ)(power * 0.01, voicing),
    )
    np.testing.assert_allclose(loud, soft, atol=1e-3)


@pytest.mark.skipif(not KIT.is_dir(), reason="AVLOC_DATA does not name the data kit")
def test_a_recorded_voice_is_one_and_noise_is_none() -> None:
    rate, samples = wavfile.read(
        sorted(KIT.glob("array_recordings/respeaker4_multissl/a180e20_50cm*.wav"))[0]
    )
    noise = np.random.default_rng(0).normal(size=samples.shape) * 0.01
    stft = StreamingStft(rate, FRAME_S, HOP_S, 7000.0)
    voicing = Voicing(stft.frequencies_hz, stft.frame_length, stft.fft_length, rate)
    heard = []
    for sound in (samples / 32768.0, noise):
        power = np.abs(stft.spectra(sound[:, :1].astype(np.float32), 500)[:, 0]) ** 2
        heard.append(VoiceNetwork(stft.frequencies_hz)(power, voicing(power)))
    assert np.percentile(heard[0], 80) > 0.9
    assert np.mean(heard[1] > 0.5) < 0.05


def test_every_band_has_a_bin_at_any_resolution() -> None:
    for spacing_hz in (15.0, 31.25, 62.5):
        filters = mel_filters(np.arange(0.0, 7000.0, spacing_hz), BANDS)
        np.testing.assert_allclose(filters.sum(0), 1.0, rtol=1e-5)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz"):
        VoiceWeights.load(tmp_path / "none.npz")
