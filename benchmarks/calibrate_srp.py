"""Fits the numbers of systems.srp_probability.PeakCalibration, and prints how reliable the probabilities then are.

usage: AVLOC_DATA=DIR python benchmarks/calibrate_srp.py [--scenes 12] [--seed 0] [--out FILE.json]

Scenes: one or two voices of the kit at measured positions in a measured room, alone or with a sound event from a corner
(10 or 0 dB below the voices), events without voices. One part of the talkers and events fits, another one validates
and chooses the threshold (the split of train_voice_network.py).
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.optimize import minimize
from scipy.signal import fftconvolve, resample_poly

from avloc_ros.geometry import angle_between, direction_from_angles, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.srp import SrpConfig, SrpTracker
from avloc_ros.systems.srp_probability import PeakCalibration, peak_features
from avloc_ros.types import AudioWindow

RATE_HZ = 16000
SCENE_S = 6.0
WINDOW = RATE_HZ // 25
NEAR_RAD = np.radians(10.0)  # a peak nearer than this to an active talker is that talker
ELEVATION_RAD = np.radians(4.0)  # of the sources of these measurements
CONDITIONS = (
    (1, None),
    (1, 10.0),
    (1, 0.0),
    (2, None),
    (2, 10.0),
    (0, 0.0),
)  # talkers, level above the event in dB


@dataclass(frozen=True)
class Window:
    """What the tracker heard in one window, and who spoke."""

    features: np.ndarray  # (peaks, 3)
    azimuth_rad: np.ndarray  # (peaks,)
    elevation_rad: np.ndarray  # (peaks,)
    speaking_rad: np.ndarray  # azimuths (talkers who speak,)
    voice: float
    condition: tuple[int, float | None]


class Parts:
    """Voices, events and room responses of one part of the kit."""

    def __init__(self, root: Path, validation: bool) -> None:
        self.voices = _part(
            sorted(root.glob("speech/libri_*/*.flac")), validation, lambda f: f.name.split("-")[0]
        )
        events = [*sorted(root.glob("events/esc10/*/*.ogg")), *sorted(root.glob("music/*.ogg"))]
        self.events = _part(events, validation, lambda f: f.stem.rsplit("-", 1)[0])
        self.rooms: dict[str, dict[str, list[Path]]] = {}
        for path in sorted(root.glob("rir/r3vival_16k/*.flac")):
            found = re.search(r"_(\w+)_S(BG|\d+)", path.name.removeprefix("RLRVarAcLab_Absorptive"))
            if found:
                self.rooms.setdefault(found[1], {}).setdefault(found[2], []).append(path)


def _part(files: list[Path], validation: bool, group_of) -> list[Path]:
    groups = sorted({group_of(f) for f in files})
    chosen = {g for i, g in enumerate(groups) if (i % 4 == 3) == validation}
    return [f for f in files if group_of(f) in chosen]


def scene(
    parts: Parts, random: np.random.Generator, talkers: int, above_event_db: float | None
) -> tuple[np.ndarray, list[tuple[float, np.ndarray]]]:
    """Samples (frames, 7) and, per talker, azimuth and activity per window."""
    room = parts.rooms[random.choice(sorted(parts.rooms))]
    count = round(SCENE_S * RATE_HZ)
    mixed, truth = np.zeros((count, 7)), []
    for label in random.permutation([a for a in room if a != "BG"])[:talkers]:
        voice = _voice(parts, random, count) * 10 ** (random.uniform(-3, 3) / 20)
        mixed += _heard(voice, room[str(label)][random.integers(len(room[str(label)]))])
        truth.append((float(-np.radians(float(label))), activity(voice)))  # labels: clockwise
    if above_event_db is not None:
        corners = room.get("BG") or parts.rooms["100"]["BG"]
        event = np.resize(_sound(parts.events[random.integers(len(parts.events))]), count)
        heard = _heard(event, corners[random.integers(len(corners))])
        level = np.sqrt(np.mean(mixed**2)) if talkers else 0.03
        mixed += heard * level / max(np.sqrt(np.mean(heard**2)), 1e-9) * 10 ** (-above_event_db / 20)
    mixed += random.normal(size=mixed.shape) * 10 ** random.uniform(-5, -3.5)
    return (mixed * 10 ** (random.uniform(-20, 0) / 20)).astype(np.float32), truth


def activity(voice: np.ndarray) -> np.ndarray:
    """Whether each window of a voice (samples,) is within 30 dB of its loud ones: bool (windows,)."""
    level_db = 10 * np.log10((voice[: len(voice) // WINDOW * WINDOW].reshape(-1, WINDOW) ** 2).mean(1) + 1e-12)
    return level_db > np.percentile(level_db, 95) - 30


def _voice(parts: Parts, random: np.random.Generator, count: int) -> np.ndarray:
    sound = _sound(parts.voices[random.integers(len(parts.voices))])
    lead = round(random.uniform(0.3, 1.0) * RATE_HZ)
    voice = np.zeros(count)
    length = min(len(sound), count - lead - RATE_HZ // 2)
    voice[lead : lead + length] = sound[:length]
    return voice * 0.05 / np.sqrt(np.mean(sound**2))


def _sound(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, always_2d=True)
    divisor = int(np.gcd(rate, RATE_HZ))
    return resample_poly(samples.mean(1), RATE_HZ // divisor, rate // divisor)


def _heard(sound: np.ndarray, response_file: Path) -> np.ndarray:
    """The sound at all microphones, its direct path without delay: (frames, channels)."""
    response = soundfile.read(response_file)[0]  # (taps, channels)
    onset = int(np.argmax(np.abs(response[:, -1])))
    response = response / np.sqrt(np.sum(response[:, -1] ** 2))
    return np.stack([fftconvolve(sound, h)[onset:][: len(sound)] for h in response.T], axis=1)


def windows(
    parts: Parts, array: MicrophoneArray, config: SrpConfig, scenes: int, seed: int
) -> Iterator[Window]:
    """Every window of `scenes` scenes of each condition."""
    for number, condition in enumerate(CONDITIONS):
        for index in range(scenes):
            samples, truth = scene(parts, np.random.default_rng([seed, number, index]), *condition)
            tracker = SrpTracker(config, array, None, RATE_HZ)
            for k in range(len(samples) // WINDOW):
                piece = samples[k * WINDOW : (k + 1) * WINDOW]
                heard = tracker.hear(AudioWindow(k * 40_000_000, piece, RATE_HZ))
                if heard.peaks is None or heard.steered is None or not len(heard.peaks):
                    continue
                speaking = np.array([azimuth for azimuth, active in truth if active[k]])
                features = peak_features(heard.peaks, heard.steered.sharpest, heard.voice_probability)
                peaks = heard.peaks
                yield Window(
                    features,
                    peaks.azimuth_rad,
                    peaks.elevation_rad,
                    speaking,
                    heard.voice_probability,
                    condition,
                )


def labels(window: Window) -> np.ndarray:
    """Whether each peak is an active talker, (peaks,); of two peaks at one talker only the higher counts."""
    found = np.zeros(len(window.azimuth_rad), bool)
    for azimuth in window.speaking_rad:
        off = angle_between(
            direction_from_angles(window.azimuth_rad, window.elevation_rad),
            direction_from_angles(azimuth, ELEVATION_RAD),
        )
        near = np.flatnonzero(off < NEAR_RAD)
        found[near[:1]] = True
    return found


def fit_logistic(features: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intercept and weights (1 + features,) of least logistic loss."""
    design = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    sign = 2.0 * truth - 1

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (design @ weights)
        slope = -design.T @ (sign / (1 + np.exp(margin))) / len(sign)
        return float(np.logaddexp(0, -margin).mean()), slope

    return minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x


def fit_errors(heard: list[Window], path_deviation_m: float, array: MicrophoneArray) -> dict[str, float]:
    """Spread of the direction error of true peaks: a narrow and a wide normal distribution, by likelihood."""
    from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity

    ambiguity = ArrayAmbiguity(array)
    errors, floors = [], []
    for window in heard:
        for k in np.flatnonzero(labels(window)):
            nearest = window.speaking_rad[
                np.argmin(np.abs(wrap_angle(window.speaking_rad - window.azimuth_rad[k])))
            ]
            errors.append(float(wrap_angle(window.azimuth_rad[k] - nearest)))
            azimuth, elevation = window.azimuth_rad[k : k + 1], window.elevation_rad[k : k + 1]
            floors.append(float(ambiguity.angle_deviation(azimuth, elevation, path_deviation_m)[0][0]))
    error, floor = np.array(errors), np.array(floors)

    def loss(parameters: np.ndarray) -> float:
        least, factor, share = (
            np.exp(parameters[0]),
            1 + np.exp(parameters[1]),
            1 / (1 + np.exp(-parameters[2])),
        )
        spread = np.hypot(floor, least)
        density = sum(
            s * np.exp(-0.5 * (error / (f * spread)) ** 2) / (f * spread)
            for s, f in ((1 - share, 1.0), (share, factor))
        )
        return float(-np.log(density + 1e-12).mean())

    best = minimize(loss, np.array([np.log(0.02), 0.5, -1.0]), method="Nelder-Mead").x
    return {
        "least_deviation_rad": float(np.exp(best[0])),
        "wide_factor": float(1 + np.exp(best[1])),
        "wide_share": float(1 / (1 + np.exp(-best[2]))),
    }


def probabilities(heard: list[Window], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability and truth of all peaks."""
    features = np.concatenate([w.features for w in heard])
    return 1 / (1 + np.exp(-(weights[0] + features @ weights[1:]))), np.concatenate(
        [labels(w) for w in heard]
    )


def best_threshold(probability: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The threshold of the highest F1 over peaks."""
    found = []
    for threshold in np.arange(0.05, 0.96, 0.05):
        hit = float((truth & (probability >= threshold)).sum())
        precision, recall = hit / max(1, (probability >= threshold).sum()), hit / max(1, truth.sum())
        found.append((2 * precision * recall / max(precision + recall, 1e-9), threshold, precision, recall))
    return dict(zip(("f1", "threshold", "precision", "recall"), map(float, max(found)), strict=True))


def reliability(probability: np.ndarray, truth: np.ndarray) -> list[dict[str, float]]:
    """Per tenth: how many peaks, the mean probability they were given, and the share that were talkers."""
    rows = []
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1)
        if inside.any():
            rows.append(
                {
                    "peaks": int(inside.sum()),
                    "given": float(probability[inside].mean()),
                    "true": float(truth[inside].mean()),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scenes", type=int, default=12, help="of each condition, for fitting and for validation each"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    root = Path(os.environ["AVLOC_DATA"])
    array = MicrophoneArray.load(root / "arrays" / "frl7.json")
    config = SrpConfig()
    fitting = list(windows(Parts(root, False), array, config, options.scenes, options.seed))
    held = list(windows(Parts(root, True), array, config, options.scenes, options.seed + 1000))
    weights = fit_logistic(
        np.concatenate([w.features for w in fitting]), np.concatenate([labels(w) for w in fitting])
    )
    missed = np.mean([1 - labels(w).sum() / len(w.speaking_rad) for w in fitting if len(w.speaking_rad)])
    names = ("intercept", "clarity", "relative_height", "voice")
    fitted = dict(zip(names, map(float, weights), strict=True)) | {"missed": float(missed)}
    fitted |= fit_errors(fitting, PeakCalibration().path_deviation_m, array)
    probability, truth = probabilities(held, weights)
    report = {
        "fitted": fitted,
        "in_use": asdict(PeakCalibration()),
        "validation": best_threshold(probability, truth),
        "log_loss": float(-np.mean(np.log(np.where(truth, probability, 1 - probability) + 1e-12))),
        "reliability": reliability(probability, truth),
    }
    print(json.dumps(report, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
