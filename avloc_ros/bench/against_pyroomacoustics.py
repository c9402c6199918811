"""Our SRP-PHAT against pyroomacoustics' SRP-PHAT and MUSIC: same frames, same directions; accuracy and time per frame.

480 directions over the sphere, 6 microphones (config/arrays/head_6mic.yaml), 48 kHz, windows of 40 and 200 ms. A voice-
like source stands at a random direction in a simulated room (pyroomacoustics, image method, T60 about 0.3 s) with noise
10 dB below it. All get the spectra of the same analysis frames and listen from 300 to 7000 Hz; times are those of the
localiser alone, without the STFT.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.geometry import angle_between
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.arrays import named_array

RATE_HZ = 48_000
BAND_HZ = (300.0, 7000.0)
FAR_M = 1000.0  # pyroomacoustics' far mode takes plane waves
DIRECTIONS = 480
WINDOWS_S = (0.04, 0.2)
FRAMES_PER_ROOM = 10
ROOM_M = (6.0, 5.0, 3.0)
T60_S = 0.3

Localiser = Callable[[np.ndarray], int]  # spectra (hops, channels, bins) -> index of the direction


def compare(progress: Callable[[str], None] = lambda name: None, frames: int = 100) -> dict[str, dict[str, float]]:
    """`{peer and window: {median_ms, our_median_ms, ratio, error_deg, our_error_deg, ...}}` over `frames` frames each.

    ratio: the peer's median time over ours. error_deg: median angle between the loudest direction and the true one.
    """
    found: dict[str, dict[str, float]] = {}
    for window_s in WINDOWS_S:
        progress(f"pyroomacoustics, windows of {window_s * 1e3:.0f} ms")
        took, errors = measured(window_s, frames)
        for peer in (name for name in took if name != "ours"):
            found[f"pyroomacoustics {peer}, {window_s * 1e3:.0f} ms"] = {
                "median_ms": 1e3 * float(np.median(took[peer])),
                "our_median_ms": 1e3 * float(np.median(took["ours"])),
                "ratio": float(np.median(took[peer]) / np.median(took["ours"])),
                "error_deg": float(np.median(errors[peer])),
                "our_error_deg": float(np.median(errors["ours"])),
                "within_10deg": float(np.mean(np.asarray(errors[peer]) <= 10)),
                "our_within_10deg": float(np.mean(np.asarray(errors["ours"]) <= 10)),
                "frames": float(len(took["ours"])),
            }
    return found


def measured(window_s: float, frames: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds and errors in degrees per localiser and frame."""
    array = named_array("head_6mic")
    stft = StreamingStft(RATE_HZ, 0.032, 0.008, RATE_HZ / 2)  # pyroomacoustics wants all bins
    localisers, directions = make_localisers(array, stft)
    took: dict[str, list[float]] = {name: [] for name in localisers}
    errors: dict[str, list[float]] = {name: [] for name in localisers}
    random = np.random.default_rng(0)
    for _ in range(max(1, frames // FRAMES_PER_ROOM)):
        samples, direction = noisy_room(array, random, FRAMES_PER_ROOM * window_s + 0.5)
        for frame in range(FRAMES_PER_ROOM):
            piece = samples[round((0.2 + frame * window_s) * RATE_HZ) :][: round(window_s * RATE_HZ)]
            spectra = stft.spectra(piece, (len(piece) - stft.frame_length) // stft.hop_length + 1)
            for name, localise in localisers.items():
                start = time.perf_counter()
                index = localise(spectra)
                took[name].append(time.perf_counter() - start)
                errors[name].append(float(np.degrees(angle_between(directions[index], direction))))
    return took, errors


def make_localisers(array: MicrophoneArray, stft: StreamingStft) -> tuple[dict[str, Localiser], np.ndarray]:
    """Ours and theirs over the directions (480, 3) of pyroomacoustics' own grid, which are returned too."""
    import pyroomacoustics

    def peer(kind: Any) -> Any:
        return kind(
            array.positions_m.T, RATE_HZ, stft.fft_length, c=array.sound_speed_mps, num_src=1, dim=3, n_grid=DIRECTIONS
        )

    srp, music = peer(pyroomacoustics.doa.SRP), peer(pyroomacoustics.doa.MUSIC)
    directions = np.stack([srp.grid.x, srp.grid.y, srp.grid.z], axis=1)  # (directions, 3)
    band = (stft.frequencies_hz >= BAND_HZ[0]) & (stft.frequencies_hz <= BAND_HZ[1])
    steering = SrpPhat(array, stft.frequencies_hz[band], directions * FAR_M)

    def ours(spectra: np.ndarray) -> int:
        weights = np.ones((len(spectra), int(band.sum())), np.float32)
        projected = steering.project(spectra[..., band], weights).sum(0, keepdims=True)
        return int(np.argmax(steering.power(projected, weights.sum(keepdims=True)[:, 0])))

    def theirs(doa: Any) -> Localiser:
        def localise(spectra: np.ndarray) -> int:
            doa.locate_sources(spectra.transpose(1, 2, 0), freq_range=list(BAND_HZ))
            return int(np.argmax(doa.grid.values))

        return localise

    return {"ours": ours, "SRP-PHAT": theirs(srp), "MUSIC": theirs(music)}, directions


def noisy_room(array: MicrophoneArray, random: np.random.Generator, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples float32 (frames, channels) of one source in a room, and its true direction (3,)."""
    import pyroomacoustics

    absorption, order = pyroomacoustics.inverse_sabine(T60_S, list(ROOM_M))
    room = pyroomacoustics.ShoeBox(
        list(ROOM_M), fs=RATE_HZ, materials=pyroomacoustics.Material(absorption), max_order=min(order, 8)
    )
    centre = np.array([3.1, 2.4, 1.3])
    room.add_microphone_array((array.positions_m + centre).T)
    azimuth = random.uniform(-np.pi, np.pi)
    offset = np.array([2.0 * np.cos(azimuth), 2.0 * np.sin(azimuth), random.uniform(-0.3, 0.8)])
    room.add_source(centre + offset, signal=voice_like(random, seconds))
    room.simulate()
    samples = room.mic_array.signals.T  # (frames, channels)
    noise = random.normal(size=samples.shape) * np.sqrt(np.mean(samples**2)) * 10 ** (-10 / 20)
    return (samples + noise).astype(np.float32), offset / np.linalg.norm(offset)


def voice_like(random: np.random.Generator, seconds: float) -> np.ndarray:
    """A pulse train of wandering pitch with noise, its spectrum falling by 3 dB per octave: float (samples,)."""
    count = round(seconds * RATE_HZ)
    pitch_hz = 140 + 30 * np.cumsum(random.normal(size=count)) / np.sqrt(count)
    pulses = np.diff(np.floor(np.cumsum(pitch_hz) / RATE_HZ), prepend=0)
    spectrum = np.fft.rfft(pulses + 0.02 * random.normal(size=count))
    frequencies = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 100)
    return np.fft.irfft(spectrum * frequencies**-0.5, count)
