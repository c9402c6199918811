"""Features of many windows in torch against those of one window in numpy."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig, segment_features  # noqa: E402
from avloc_ros.training.asl_unet.sound import sound_features  # noqa: E402
from avloc_ros.types import InputError  # noqa: E402


@pytest.mark.parametrize(
    "config",
    [SegmentAudioConfig(), SegmentAudioConfig(phase=True), SegmentAudioConfig(bands=64, beams=24)],
    ids=["magnitudes", "phases", "beams"],
)
def test_features_are_those_of_single_windows(config):
    windows = np.random.default_rng(4).standard_normal((3, 5600, 6)).astype(np.float32)
    wanted = np.stack([segment_features(window, config) for window in windows])
    found = sound_features(torch.from_numpy(windows), config).numpy()
    assert found.shape == (3, *config.shape)
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_windows_of_another_array_are_refused():
    with pytest.raises(InputError, match="6 microphones"):
        sound_features(torch.zeros(2, 5600, 4), SegmentAudioConfig())
