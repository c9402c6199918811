"""Sounds of the 13 STARSS classes out of nothing but formulas, for scenes without recorded clips.

They are caricatures: enough to build, test and demonstrate with, no stand-in for recordings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.types import InputError

Random = np.random.Generator
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
BELL_RATIOS = (0.5, 1.0, 1.2, 1.5, 2.0, 2.66, 3.01, 4.1)
SCALE = (0, 2, 4, 7, 9, 12, 14, 16)


def event_sound(class_name: str, duration_s: float, rate_hz: int, random: Random) -> np.ndarray:
    """A sound of a class of STARSS_CLASSES: float (samples,) with peak 1. Raises InputError on another class."""
    if class_name not in GENERATORS:
        raise InputError(f"no generator for class '{class_name}': give a folder of clips for it")
    samples = GENERATORS[class_name](random, round(duration_s * rate_hz), rate_hz)
    fade = np.minimum(
        1.0, np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / (0.005 * rate_hz)
    )
    return samples * fade / max(float(np.abs(samples).max()), 1e-9)


def _speech(low_hz: float, high_hz: float, formant_scale: float) -> Callable[[Random, int, int], np.ndarray]:
    def make(random: Random, count: int, rate: int) -> np.ndarray:
        pieces, length = [], 0
        while length < count:
            voiced = _voiced(
                random,
                round(random.uniform(0.12, 0.25) * rate),
                rate,
                random.uniform(low_hz, high_hz),
                formant_scale,
            )
            hiss = 0.05 * _coloured(random, round(random.uniform(0.02, 0.09) * rate), -0.8)
            pieces += [voiced, hiss]
            length += len(voiced) + len(hiss)
        return np.concatenate(pieces)[:count]

    return make


def _voiced(random: Random, count: int, rate: int, pitch_hz: float, formant_scale: float) -> np.ndarray:
    glide = pitch_hz * np.linspace(1.0, random.uniform(0.85, 1.1), count)
    phase = np.cumsum(glide / rate)
    samples = np.diff(np.floor(phase), prepend=0.0)  # one pulse per period
    for formant_hz in VOWELS_HZ[int(random.integers(len(VOWELS_HZ)))]:
        samples = _resonant(samples, formant_hz * formant_scale, 90.0, rate)
    return samples * np.hanning(count) / max(float(np.abs(samples).max()), 1e-9)


def _laughter(random: Random, count: int, rate: int) -> np.ndarray:
    pitch_hz, period = random.uniform(220, 380), round(rate / random.uniform(4.5, 6.0))
    return _repeated(
        count,
        period,
        lambda: _voiced(random, round(0.6 * period), rate, pitch_hz * random.uniform(0.9, 1.1), 1.1),
    )


def _clapping(random: Random, count: int, rate: int) -> np.ndarray:
    centre_hz, period = random.uniform(1000, 1800), round(rate / random.uniform(3.0, 5.0))
    return _repeated(
        count, period, lambda: _burst(random, rate, 0.02, centre_hz * random.uniform(0.9, 1.1), 600.0)
    )


def _telephone(random: Random, count: int, rate: int) -> np.ndarray:
    time, low_hz = np.arange(count) / rate, random.uniform(700, 1000)
    warble = np.where((time * random.uniform(18, 25)).astype(int) % 2, low_hz, 1.25 * low_hz)
    ringing = (time % 1.5) < 1.0
    return np.sign(np.sin(2 * np.pi * np.cumsum(warble) / rate)) * ringing


def _domestic(random: Random, count: int, rate: int) -> np.ndarray:
    time, hum_hz = np.arange(count) / rate, random.uniform(90, 130)
    hum = sum(np.sin(2 * np.pi * k * hum_hz * time) / k for k in range(1, 7))
    return hum + 1.5 * _coloured(random, count, 0.9)


def _footsteps(random: Random, count: int, rate: int) -> np.ndarray:
    period = round(rate / random.uniform(1.6, 2.3))
    return _repeated(count, period, lambda: _burst(random, rate, 0.05, random.uniform(90, 160), 60.0))


def _door(random: Random, count: int, rate: int) -> np.ndarray:
    creak = round(0.55 * count)
    rates = np.linspace(random.uniform(25, 40), random.uniform(60, 110), creak)
    samples = np.zeros(count)
    samples[:creak] = _resonant(np.diff(np.floor(np.cumsum(rates) / rate), prepend=0.0), 900.0, 200.0, rate)
    samples[:creak] *= 0.3 / max(float(np.abs(samples).max()), 1e-9)
    slam = _burst(random, rate, 0.12, random.uniform(60, 110), 80.0)[: count - creak]
    samples[creak : creak + len(slam)] += slam
    return samples


def _music(random: Random, count: int, rate: int) -> np.ndarray:
    root_hz, beat = random.uniform(110, 165), round(rate / random.uniform(1.8, 2.4))

    def bar() -> np.ndarray:
        shift = int(random.choice((0, 5, 7, 9)))
        notes = [_tone(root_hz * 2 ** ((shift + step) / 12), beat, rate, 1.5) for step in (0, 4, 7, 12)]
        drum = _burst(random, rate, 0.04, 70.0, 40.0)[:beat]
        return sum(notes) + 2.0 * np.pad(drum, (0, beat - len(drum)))

    return _repeated(count, beat, bar)


def _instrument(random: Random, count: int, rate: int) -> np.ndarray:
    root_hz, beat = random.uniform(260, 440), round(rate / random.uniform(2.5, 4.0))
    return _repeated(
        count, beat, lambda: _tone(root_hz * 2 ** (int(random.choice(SCALE)) / 12), beat, rate, 5.0)
    )


def _water(random: Random, count: int, rate: int) -> np.ndarray:
    return _coloured(random, count, -0.7) * (1 + 0.2 * _coloured(random, count, 0.999))


def _bell(random: Random, count: int, rate: int) -> np.ndarray:
    strike_hz, period, time = random.uniform(500, 900), round(0.8 * rate), np.arange(round(0.8 * rate)) / rate
    partials = [np.sin(2 * np.pi * strike_hz * r * time) * np.exp(-time * (1.5 + r)) / r for r in BELL_RATIOS]
    return _repeated(count, period, lambda: np.sum(partials, axis=0))


def _knock(random: Random, count: int, rate: int) -> np.ndarray:
    wood_hz, period = random.uniform(250, 450), round(rate / random.uniform(5.5, 7.5))
    return _repeated(count, period, lambda: _burst(random, rate, 0.012, wood_hz, 120.0))


def _burst(random: Random, rate: int, decay_s: float, centre_hz: float, width_hz: float) -> np.ndarray:
    count = round(6 * decay_s * rate)
    samples = _resonant(
        random.standard_normal(count) * np.exp(-np.arange(count) / (decay_s * rate)),
        centre_hz,
        width_hz,
        rate,
    )
    return samples / max(float(np.abs(samples).max()), 1e-9)


def _tone(pitch_hz: float, count: int, rate: int, decay_per_s: float) -> np.ndarray:
    time = np.arange(count) / rate
    return sum(np.sin(2 * np.pi * k * pitch_hz * time) / k**1.5 for k in range(1, 8)) * np.exp(
        -decay_per_s * time
    )


def _repeated(count: int, period: int, piece: Callable[[], np.ndarray]) -> np.ndarray:
    samples = np.zeros(count)
    for start in range(0, count, period):
        part = piece()[: count - start]
        samples[start : start + len(part)] += part
    return samples


def _resonant(samples: np.ndarray, centre_hz: float, width_hz: float, rate: int) -> np.ndarray:
    radius, angle = np.exp(-np.pi * width_hz / rate), 2 * np.pi * centre_hz / rate
    return lfilter([1.0 - radius], [1.0, -2 * radius * np.cos(angle), radius**2], samples)


def _coloured(random: Random, count: int, memory: float) -> np.ndarray:
    """Noise with low (memory > 0) or high frequencies (memory < 0) prevailing, of unit deviation."""
    samples = lfilter([1.0], [1.0, -memory], random.standard_normal(count + 100))[100:]
    return samples / max(float(samples.std()), 1e-9)


GENERATORS: dict[str, Callable[[Random, int, int], np.ndarray]] = dict(
    zip(
        STARSS_CLASSES,
        (
            _speech(180, 250, 1.15), _speech(85, 140, 1.0), _clapping, _telephone, _laughter, _domestic, _footsteps, _door,
            _music, _instrument, _water, _bell, _knock,
        ),
        strict=True,
    )
)  # fmt: skip
