"""Our SRP-PHAT against pyroomacoustics': same frames, same directions, one core; accuracy and time per frame.

usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/srp_against_pyroomacoustics.py [--frames 200] [--out FILE.json]

480 directions over the sphere, 6 microphones (config/arrays/head_6mic.yaml), 48 kHz, windows of 40 and 200 ms. A voice-
like source stands at a random direction in a simulated room (pyroomacoustics, image method, T60 about 0.3 s) with noise.
Both get the spectra of the same analysis frames and listen from 300 to 7000 Hz; times are those of the localiser.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyroomacoustics

from avloc_ros.config import shipped_folder
from avloc_ros.features.srp_phat import SrpPhat
from avloc_ros.features.stft import StreamingStft
from avloc_ros.geometry import MicrophoneArray, angle_between

RATE_HZ = 48000
BAND_HZ = (300.0, 7000.0)
FAR_M = 1000.0  # pyroomacoustics' far mode takes plane waves


def noisy_room(array: MicrophoneArray, random: np.random.Generator, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples (frames, channels) of one source in a room, and its true direction (3,)."""
    absorption, order = pyroomacoustics.inverse_sabine(0.3, [6.0, 5.0, 3.0])
    room = pyroomacoustics.ShoeBox(
        [6.0, 5.0, 3.0], fs=RATE_HZ, materials=pyroomacoustics.Material(absorption), max_order=min(order, 8)
    )
    centre = np.array([3.1, 2.4, 1.3])
    room.add_microphone_array((array.positions_m + centre).T)
    azimuth = random.uniform(-np.pi, np.pi)
    offset = np.array([2.0 * np.cos(azimuth), 2.0 * np.sin(azimuth), random.uniform(-0.3, 0.8)])
    room.add_source(centre + offset, signal=_babble(random, seconds))
    room.simulate()
    samples = room.mic_array.signals.T  # (frames, channels)
    noise = random.normal(size=samples.shape) * np.sqrt(np.mean(samples**2)) * 10 ** (-10 / 20)
    return (samples + noise).astype(np.float32), offset / np.linalg.norm(offset)


def _babble(random: np.random.Generator, seconds: float) -> np.ndarray:
    """A pulse train of wandering pitch with noise, formed like a voice."""
    count = round(seconds * RATE_HZ)
    pitch_hz = 140 + 30 * np.cumsum(random.normal(size=count)) / np.sqrt(count)
    pulses = np.diff(np.floor(np.cumsum(pitch_hz) / RATE_HZ), prepend=0)
    spectrum = np.fft.rfft(pulses + 0.02 * random.normal(size=count))
    frequencies = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 100)
    return np.fft.irfft(spectrum * frequencies**-0.5, count)


class Ours:
    """One frame through features.srp_phat."""

    def __init__(self, array: MicrophoneArray, frequencies_hz: np.ndarray, directions: np.ndarray) -> None:
        self._band = (frequencies_hz >= BAND_HZ[0]) & (frequencies_hz <= BAND_HZ[1])
        self._steering = SrpPhat(array, frequencies_hz[self._band], directions * FAR_M)

    def __call__(self, spectra: np.ndarray) -> int:
        """Index of the direction with the highest power, from spectra (hops, channels, bins)."""
        weights = np.ones((len(spectra), int(self._band.sum())), np.float32)
        projected = self._steering.project(spectra[..., self._band], weights).sum(0, keepdims=True)
        return int(np.argmax(self._steering.power(projected, weights.sum(keepdims=True)[:, 0])))


class Theirs:
    """The same through pyroomacoustics.doa.SRP."""

    def __init__(self, array: MicrophoneArray, fft_length: int, directions: int) -> None:
        self._doa = pyroomacoustics.doa.SRP(
            array.positions_m.T, RATE_HZ, fft_length, c=array.sound_speed_mps, num_src=1, dim=3, n_grid=directions
        )
        self.directions = np.stack([self._doa.grid.x, self._doa.grid.y, self._doa.grid.z], axis=1)  # (directions, 3)

    def __call__(self, spectra: np.ndarray) -> int:
        """Index of the direction with the highest power, from spectra (hops, channels, bins)."""
        self._doa.locate_sources(spectra.transpose(1, 2, 0), freq_range=list(BAND_HZ))
        return int(np.argmax(self._doa.grid.values))


def compare(window_s: float, frames: int, array: MicrophoneArray) -> dict[str, object]:
    """Median time and angular error of both on the same frames."""
    stft = StreamingStft(RATE_HZ, 0.032, 0.008, RATE_HZ / 2)  # pyroomacoustics wants all bins
    theirs = Theirs(array, stft.fft_length, 480)
    ours = Ours(array, stft.frequencies_hz, theirs.directions)
    took: dict[str, list[float]] = {"ours": [], "pyroomacoustics": []}
    errors: dict[str, list[float]] = {"ours": [], "pyroomacoustics": []}
    same, random = 0, np.random.default_rng(0)
    for scene in range(max(1, frames // 10)):
        samples, direction = noisy_room(array, random, 10 * window_s + 0.5)
        for frame in range(10):
            piece = samples[round((0.2 + frame * window_s) * RATE_HZ) :][: round(window_s * RATE_HZ)]
            spectra = stft.spectra(piece, (len(piece) - stft.frame_length) // stft.hop_length + 1)
            found = {}
            for name, localise in (("ours", ours), ("pyroomacoustics", theirs)):
                start = time.perf_counter()
                found[name] = localise(spectra)
                took[name].append(time.perf_counter() - start)
                errors[name].append(float(np.degrees(angle_between(theirs.directions[found[name]], direction))))
            same += found["ours"] == found["pyroomacoustics"]
    result: dict[str, object] = {"window_s": window_s, "frames": len(took["ours"]), "same_direction": same / len(took["ours"])}
    for name in took:
        result[name] = {
            "median_ms": 1e3 * float(np.median(took[name])),
            "p95_ms": 1e3 * float(np.percentile(took[name], 95)),
            "error_deg_median": float(np.median(errors[name])),
            "within_10deg": float(np.mean(np.array(errors[name]) < 10)),
        }
    result["times_faster"] = float(np.median(took["pyroomacoustics"]) / np.median(took["ours"]))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "head_6mic.yaml")
    results = [compare(window_s, options.frames, array) for window_s in (0.04, 0.2)]
    print(json.dumps(results, indent=2))
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
