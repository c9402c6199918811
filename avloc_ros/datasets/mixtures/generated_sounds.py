"""Sounds that are no voices, made from nothing, so that voices are told from noises, knocks, beeps, machines, tunes, cries."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, lfilter, sosfilt


def generated_sound(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """One drawn sound (length,), float32."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    return kind(rng, length, rate_hz).astype(np.float32)


def coloured_noise(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """Steady noise through a drawn low pass, its level slowly changing."""
    noise = lfilter([1.0], [1.0, -float(rng.uniform(0.0, 0.98))], rng.standard_normal(length))
    return noise * _slow(rng, length, rate_hz, float(rng.uniform(0.0, 0.8)))


def band_bursts(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """Bursts of band noise, as of something that rattles, scrapes or falls."""
    low = float(rng.uniform(100, 3000))
    band = butter(2, (low, min(low * rng.uniform(1.3, 4), 0.45 * rate_hz)), "band", fs=rate_hz, output="sos")
    return sosfilt(band, rng.standard_normal(length)) * _bursts(rng, length, rate_hz, (0.03, 0.6), (0.05, 0.8))


def knocks(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """Short decaying resonances."""
    sound = np.zeros(length)
    time = np.arange(round(0.15 * rate_hz)) / rate_hz
    at = 0.0
    while at < length / rate_hz:
        ring = np.exp(-time / rng.uniform(0.005, 0.04)) * np.sin(2 * np.pi * rng.uniform(150, 2500) * time)
        first = round(at * rate_hz)
        piece = ring[: length - first]
        sound[first : first + len(piece)] += piece * rng.uniform(0.3, 1.0)
        at += rng.uniform(0.08, 0.7)
    return sound + 1e-4 * rng.standard_normal(length)


def beeps(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """Tones and chirps of devices."""
    time = np.arange(length) / rate_hz
    pitch = rng.uniform(300, 3500)
    glide = rng.uniform(-0.3, 0.3) * np.sin(2 * np.pi * rng.uniform(0.3, 6) * time) * rng.integers(0, 2)
    phase = 2 * np.pi * np.cumsum(pitch * (1 + glide)) / rate_hz
    tone = sum(np.sin(k * phase) * rng.uniform(0, 1) / k for k in range(1, 4))
    return tone * _bursts(rng, length, rate_hz, (0.05, 0.6), (0.05, 0.6)) + 1e-4 * rng.standard_normal(length)


def machine(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """A motor: harmonics of a slowly drifting speed in noise."""
    drift = 1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.05, 0.7) * np.arange(length) / rate_hz)
    phase = 2 * np.pi * np.cumsum(rng.uniform(40, 250) * drift) / rate_hz
    tones = sum(np.sin(k * phase + rng.uniform(0, 6)) * rng.uniform(0.1, 1) / k**0.5 for k in range(1, 16))
    return tones + rng.uniform(0.1, 1.5) * rng.standard_normal(length)


def tune(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """Plucked or blown notes of a scale, one to three at once."""
    sound = np.zeros(length)
    base = rng.uniform(110, 440)
    sustain = rng.uniform(0.1, 1.5)
    for _ in range(int(rng.integers(1, 4))):
        at = 0.0
        while at < length / rate_hz:
            duration = float(rng.choice([0.15, 0.25, 0.5]))
            time = np.arange(round(duration * rate_hz)) / rate_hz
            pitch = base * 2 ** (rng.choice([-12, 0, 2, 4, 5, 7, 9, 11, 12]) / 12)
            note = sum(np.sin(2 * np.pi * k * pitch * time) * rng.uniform(0, 1) / k for k in range(1, 7))
            note = note * np.minimum(1, time / 0.01) * np.exp(-time / sustain) * (rng.random() < 0.85)
            first = round(at * rate_hz)
            piece = note[: length - first]
            sound[first : first + len(piece)] += piece
            at += duration
    return sound + 1e-4 * rng.standard_normal(length)


def calls(rng: np.random.Generator, length: int, rate_hz: int) -> np.ndarray:
    """Cries, crows and barks: a voice's harmonics through two resonances, held and gliding, but without syllables."""
    sound = np.zeros(length)
    pitch = float(rng.uniform(180, 900))
    held = rng.uniform(0.08, 1.2)
    resonances = [float(rng.uniform(600, 1500)), float(rng.uniform(1500, 4500))]
    at = float(rng.uniform(0, 0.3))
    while at < length / rate_hz:
        time = np.arange(round(held * rng.uniform(0.7, 1.3) * rate_hz)) / rate_hz
        part = time / time[-1]
        bend = 2 ** (rng.uniform(-0.6, 0.6) * part + rng.uniform(-0.3, 0.6) * np.sin(np.pi * part))
        shake = 1 + rng.uniform(0, 0.03) * np.sin(2 * np.pi * rng.uniform(5, 40) * time)
        phase = 2 * np.pi * np.cumsum(pitch * bend * shake) / rate_hz
        call = sum(np.sin(k * phase) / k for k in range(1, int(min(20, 0.4 * rate_hz / (2 * pitch))) + 1))
        call = call + rng.uniform(0, 0.4) * rng.standard_normal(len(time))
        call = call * np.minimum(1, np.minimum(part, 1 - part) / rng.uniform(0.05, 0.3))
        first = round(at * rate_hz)
        sound[first : first + len(call)] += call[: length - first]
        at += len(time) / rate_hz + rng.uniform(0.05, 0.9)
    for resonance in resonances:
        sound = sound + 2 * sosfilt(_resonance(resonance, rate_hz), sound)
    return sound + 1e-4 * rng.standard_normal(length)


def _resonance(centre_hz: float, rate_hz: int) -> np.ndarray:
    return butter(1, (0.85 * centre_hz, min(1.18 * centre_hz, 0.45 * rate_hz)), "band", fs=rate_hz, output="sos")


def _slow(rng: np.random.Generator, length: int, rate_hz: int, depth: float) -> np.ndarray:
    time = np.arange(length) / rate_hz
    return 1 + depth * np.sin(2 * np.pi * rng.uniform(0.1, 3) * time + rng.uniform(0, 6))


def _bursts(
    rng: np.random.Generator, length: int, rate_hz: int, on_s: tuple[float, float], off_s: tuple[float, float]
) -> np.ndarray:
    """A gate (length,) that opens and closes, with edges of 5 ms."""
    gate = np.zeros(length)
    at = int(rng.uniform(0, 0.3) * rate_hz)
    while at < length:
        on = int(rng.uniform(*on_s) * rate_hz)
        gate[at : at + on] = 1.0
        at += on + int(rng.uniform(*off_s) * rate_hz)
    edge = max(1, int(0.005 * rate_hz))
    return np.convolve(gate, np.ones(edge) / edge, mode="same")


KINDS = (coloured_noise, band_bursts, knocks, beeps, machine, tune, calls, calls)  # calls are the likest to voices
