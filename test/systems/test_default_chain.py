"""The chain as it is shipped, learned ear and spatial weights: spoken words and a face at one place are one speaker."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly

from avloc_ros.config import from_mapping, shipped_folder
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.localizer import Localizer, LocalizerConfig
from avloc_ros.types import AudioWindow, Modality, Sources, VideoFrame

RATE_HZ = 16000
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)
FACE_U = 497.0  # about where the face of the photograph lies


@pytest.fixture(scope="module")
def moments():
    """Words from the direction of a face, for two seconds and a half, after half a second of silence."""
    data = pytest.importorskip("skimage.data", reason="the photograph comes with scikit-image")
    pytest.importorskip("espeakng_loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    words, own_rate = speak("good evening, could you bring me some water please", SyntheticVoice("en-us+m4", 44, 150))
    words = resample_poly(words, RATE_HZ // 50, own_rate // 50)
    words = np.concatenate([np.zeros(RATE_HZ // 2), words])
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "head_6mic.yaml")
    early_s = array.positions_m @ CAMERA.rays(np.array([FACE_U, 225.0])) / array.sound_speed_mps
    frequencies = np.fft.rfftfreq(len(words), 1 / RATE_HZ)
    spectrum = np.fft.rfft(words)[:, None] * np.exp(2j * np.pi * frequencies[:, None] * early_s)
    sound = np.fft.irfft(spectrum, len(words), axis=0)
    sound += np.random.default_rng(0).normal(0, 1e-4, sound.shape)
    picture = np.full((450, 720, 3), 120, np.uint8)
    picture[90:390, 380:660] = data.astronaut()[:, :, ::-1][0:300, 90:370]
    size = RATE_HZ // 25
    return array, [
        (
            AudioWindow(k * 40_000_000, sound[k * size : (k + 1) * size].astype(np.float32), RATE_HZ),
            VideoFrame(k * 40_000_000, picture),
        )
        for k in range(len(sound) // size)
    ]


def test_the_defaults_are_the_learned_ones():
    config = LocalizerConfig()
    assert (config.audio_tracker, config.fusion.kind) == ("blend", "spatial")


def test_a_talking_face_is_one_speaker_who_speaks(moments):
    pytest.importorskip("onnxruntime")
    array, frames = moments
    localizer = Localizer(from_mapping(LocalizerConfig, {"faces.small_faces": "off"}), array, CAMERA, RATE_HZ)
    outputs = [localizer.step(window, frame) for window, frame in frames]
    localizer.close()
    assert not any(s.is_speaking for s in outputs[8].speakers.speakers)  # in the silence before
    spoken = [o for o in outputs[20:] if any(s.is_speaking for s in o.speakers.speakers)]
    assert len(spoken) > 0.6 * len(outputs[20:])
    speakers = [[s for s in o.speakers.speakers if s.is_speaking] for o in spoken]
    assert np.mean([len(found) == 1 for found in speakers]) > 0.9
    expected_deg = np.degrees(angles_from_direction(CAMERA.rays(np.array([FACE_U, 225.0])))[0])
    off = [abs(np.degrees(angles_from_direction(found[0].direction)[0]) - expected_deg) for found in speakers]
    assert np.median(off) < 4.0  # the words come from about where the face lies
    assert any(found[0].sources == Sources.AUDIO | Sources.VIDEO for found in speakers)
    fused = spoken[-1].fused
    assert fused.modality == Modality.FUSED and fused.audio_weight.shape == (20, 24)
    assert 0 <= fused.audio_weight.min() and fused.video_weight.max() <= 1


def test_without_a_camera_the_ear_is_enough(moments):
    array, frames = moments
    localizer = Localizer(from_mapping(LocalizerConfig, {"senses": "audio"}), array, None, RATE_HZ)
    found = [localizer.step(window, None).speakers.speakers for window, _ in frames]
    assert any(s.is_speaking and s.position is None for speakers in found for s in speakers)
