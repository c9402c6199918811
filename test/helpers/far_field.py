"""Sound from far away as a microphone array hears it, for tests: delays exact, in the frequency domain, and nothing else."""

from __future__ import annotations

import numpy as np

from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray


def as_heard(sound: np.ndarray, array: MicrophoneArray, azimuth_deg: float, elevation_deg: float, rate_hz: int) -> np.ndarray:
    """float64 (samples, channels) of sound (samples,); what is early wraps around to the end."""
    direction = direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg))
    early_s = array.positions_m @ direction / array.sound_speed_mps
    frequencies_hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    spectrum = np.fft.rfft(sound)[:, None] * np.exp(2j * np.pi * frequencies_hz[:, None] * early_s)
    return np.fft.irfft(spectrum, len(sound), axis=0)


def plane_wave(
    sound: np.ndarray, array: MicrophoneArray, azimuth_deg: float, elevation_deg: float, rate_hz: int, noise: float = 1e-4
) -> np.ndarray:
    """The same as float32, over a little noise of the microphones (its standard deviation), alike in every call."""
    heard = as_heard(sound, array, azimuth_deg, elevation_deg, rate_hz)
    return (heard + np.random.default_rng(0).normal(0, noise, heard.shape)).astype(np.float32)
