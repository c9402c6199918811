"""The chain on a made-up moment whose truth is known: a face photograph and a voice-like sound from its direction."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.config import from_mapping
from avloc_ros.geometry import CameraModel, angles_from_direction, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.localizer import Localizer, LocalizerConfig
from avloc_ros.types import AudioWindow, InputError, Modality, Sources, VideoFrame

RATE_HZ, FRAMES = 16000, 50
ANGLES = np.linspace(0, 2 * np.pi, 6, endpoint=False)
ARRAY = MicrophoneArray(np.stack([0.05 * np.cos(ANGLES), 0.05 * np.sin(ANGLES), 0 * ANGLES], axis=1))
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)


def voice_like(rng, samples):
    """Harmonics of 120 Hz with a moving envelope, and breath."""
    time_s = np.arange(samples) / RATE_HZ
    pitch = 120 + 6 * np.sin(2 * np.pi * 3 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    tone = sum(np.cos(k * phase + rng.uniform(0, 6)) / np.sqrt(k) for k in range(1, 50))
    envelope = 0.2 + np.clip(np.sin(2 * np.pi * 4 * time_s), 0, 1)
    return (tone + rng.normal(0, 0.5, samples)) * envelope * 0.03


def arriving(signal, azimuth_rad):
    """The signal at each microphone for a plane wave from an azimuth: float32 (samples, channels)."""
    lead_s = ARRAY.positions_m @ direction_from_angles(azimuth_rad, 0.0) / ARRAY.sound_speed_mps
    spectrum = np.fft.rfft(signal)
    omega = 2 * np.pi * np.fft.rfftfreq(len(signal), 1 / RATE_HZ)
    return np.fft.irfft(spectrum[:, None] * np.exp(1j * omega[:, None] * lead_s), len(signal), axis=0).astype(
        np.float32
    )


def windows(samples):
    size = RATE_HZ // 25
    return [AudioWindow(k * 40_000_000, samples[k * size : (k + 1) * size], RATE_HZ) for k in range(FRAMES)]


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(7)
    samples = RATE_HZ // 25 * FRAMES
    quiet = np.r_[np.zeros(samples // 3), np.ones(samples - samples // 3)]
    azimuth = float(CAMERA.rays(np.array([500.0, 225.0]))[1])  # about where the face is pasted
    clean = arriving(voice_like(rng, samples) * quiet, azimuth)
    return windows(clean + rng.normal(0, 1e-4, clean.shape).astype(np.float32))


def config(**values):
    """The classical chain: the sound is made of harmonics, not of words."""
    plain = {"audio_tracker": "srp", "fusion.kind": "flat", "tracker.audio.inside_picture": "sphere"}
    return from_mapping(LocalizerConfig, {"faces.precision": "fp32", "faces.small_faces": "off"} | plain | values)


def test_a_voice_alone_is_a_speaker_without_position(sound):
    localizer = Localizer(config(senses="audio"), ARRAY, CAMERA, RATE_HZ)
    outputs = [localizer.step(window, None) for window in sound]
    assert not [s for s in outputs[10].speakers.speakers if s.is_speaking]
    talkers = [s for s in outputs[-1].speakers.speakers if s.is_speaking]
    assert outputs[-1].fused.modality == Modality.AUDIO and outputs[-1].faces is None
    azimuths = [np.degrees(angles_from_direction(s.direction)[0]) for s in talkers]
    expected = np.degrees(np.arcsin(CAMERA.rays(np.array([500.0, 225.0]))[1]))
    assert min(abs(a - expected) for a in azimuths) < 5
    assert all(s.position is None and s.sources == Sources.AUDIO for s in talkers)
    localizer.close()


def test_face_and_voice_are_one_speaker(sound):
    data = pytest.importorskip("skimage.data", reason="the photograph comes with scikit-image")
    pytest.importorskip("onnxruntime", reason="the face detector runs in onnxruntime")
    photograph = data.astronaut()[:, :, ::-1]
    picture = np.full((450, 720, 3), 120, np.uint8)
    picture[90:390, 380:660] = photograph[0:300, 90:370]
    localizer = Localizer(config(), ARRAY, CAMERA, RATE_HZ)
    for window in sound:
        output = localizer.step(window, VideoFrame(window.stamp_ns, picture))
    seen = [s for s in output.speakers.speakers if s.face is not None]
    assert len(seen) == 1 and output.fused.modality == Modality.FUSED
    assert seen[0].is_speaking and seen[0].sources == Sources.AUDIO | Sources.VIDEO
    assert seen[0].position is not None
    localizer.reset()
    assert not localizer.step(sound[0], VideoFrame(0, picture)).speakers.speakers
    localizer.close()


def test_what_cannot_work_is_said():
    with pytest.raises(InputError, match="needs a microphone array, a camera, or both"):
        Localizer(config())
    localizer = Localizer(config(senses="audio"), ARRAY, None, RATE_HZ)
    with pytest.raises(InputError, match="neither an audio window nor a video frame"):
        localizer.step(None, None)
    with pytest.raises(InputError, match="allowed: both"):
        config(senses="loudest")
