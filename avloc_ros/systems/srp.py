"""The classical audio tracker: SRP-PHAT over all directions, no training on any array.

One call of `step` reads like the method: spectra, noise floor, weights, steered power, peaks, voice, probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.directions.power_peaks import PowerPeaks, sphere_power_peaks
from avloc_ros.features.directions.spatial_noise import SpatialNoise
from avloc_ros.features.spectra.channel_check import channel_reasons, usable_channels
from avloc_ros.features.spectra.noise_floor import NoiseFloor, stands_out
from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.features.spectra.voice_activity import LevelAboveFloor, Voicing
from avloc_ros.features.spectra.voice_network import FRAME_S, HOP_S, VoiceNetwork
from avloc_ros.geometry import CameraModel, image_grid, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.silero import SileroVoiceActivity
from avloc_ros.systems.audio_grids import AudioGrids, check_window
from avloc_ros.systems.srp_probability import (
    CellAngles,
    PeakCalibration,
    cell_probability,
    talker_probability,
)
from avloc_ros.systems.srp_steering import SphereSteering, steer_over_sphere
from avloc_ros.types import AudioWindow, GridLayout, InputError, Modality, SpeakerGrid

NAME = "srp"
VOICE_RISE_S = 0.03  # three hops: one alone may be a click


@dataclass(frozen=True)
class SrpConfig:
    """Settings of the srp audio tracker."""

    image_rows: int = setting(20, "rows of the image grid", low=2, high=200)
    image_cols: int = setting(24, "columns of the image grid", low=2, high=200)
    sphere_rows: int = setting(36, "rows of the sphere grid, elevation -90 to 90 degrees", low=6, high=180)
    sphere_cols: int = setting(
        72, "columns of the sphere grid, azimuth -180 to 180 degrees", low=12, high=360
    )
    assumed_range_m: float = setting(
        2.0, "distance of talkers until it is known (parallax)", low=0.2, high=50.0
    )
    lowest_hz: float = setting(300.0, "lower end of the band that is localised", low=20.0, high=4000.0)
    highest_hz: float = setting(7000.0, "upper end of the band that is localised", low=1000.0, high=20000.0)
    frame_s: float = setting(FRAME_S, "length of an analysis frame in seconds", low=0.008, high=0.2)
    hop_s: float = setting(HOP_S, "time between analysis frames in seconds", low=0.004, high=0.1)
    memory_s: float = setting(
        0.15, "time constant over which the steered power is averaged", low=0.0, high=2.0
    )
    noise_memory_s: float = setting(
        1.5, "time constant with which directions of noise are learnt while nobody speaks", low=0.1, high=60.0
    )
    noise_share: float = setting(
        0.85, "how much of the learnt noise is taken away before talkers are looked for", low=0.0, high=1.0
    )
    noise_pause_s: float = setting(
        0.5, "directions of noise are learnt only after so long without a voice", low=0.0, high=10.0
    )
    floor_window_s: float = setting(
        1.5, "how far back the noise floor looks for its minimum", low=0.3, high=30.0
    )
    floor_smoothing_s: float = setting(
        0.08, "time constant of the power that the noise floor follows", low=0.0, high=1.0
    )
    least_weight: float = setting(
        0.2, "weight of a bin that does not stand out of the noise floor", low=0.0, high=1.0
    )
    quietest_dbfs: float = setting(
        -100.0, "level per bin below which nothing counts as sound", low=-200.0, high=0.0
    )
    max_peaks: int = setting(4, "peaks that are looked at in each window", low=1, high=16)
    apart_deg: float = setting(20.0, "least angle between two peaks", low=1.0, high=90.0)
    threshold: float = setting(
        0.5, "detection threshold of a peak being a talker, chosen on validation scenes", low=0.0, high=1.0
    )
    voice_network: bool = setting(
        True, "tell voices from other sounds by the small network; false: by level and voicing only"
    )
    voice_release_s: float = setting(
        0.15, "how slowly the voice probability falls: voices pause between syllables", low=0.01, high=2.0
    )
    voice_model: str = setting("", "path of a Silero VAD ONNX file; empty: voice_network decides")
    device: str = setting(
        "cpu", "where the steered power is computed: cpu (numpy), or a torch device such as cuda:0"
    )


@dataclass(frozen=True)
class Heard:
    """What one window holds before it becomes probabilities: peaks of the steered power (None: deaf) and voice."""

    peaks: PowerPeaks | None
    steered: SphereSteering | None
    voice_probability: float
    reasons: tuple[str, ...] = ()


class SrpTracker:
    """Audio windows in, speaker grids out; causal, with a memory of `memory_s`."""

    def __init__(
        self,
        config: SrpConfig | None = None,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        sample_rate_hz: int = 48000,
        calibration: PeakCalibration | None = None,
    ) -> None:
        if array is None:
            raise InputError("srp needs the microphone array: give array_file, or publish microphone_array")
        self.config = config or SrpConfig()
        self.calibration = calibration or PeakCalibration()
        self.sample_rate_hz = sample_rate_hz
        self._stft = StreamingStft(
            sample_rate_hz, self.config.frame_s, self.config.hop_s, self.config.highest_hz
        )
        frequencies = self._stft.frequencies_hz
        self._band = np.flatnonzero(frequencies >= self.config.lowest_hz)
        self._quietest = 10 ** (self.config.quietest_dbfs / 10)
        self._floor = NoiseFloor(
            len(frequencies),
            self.config.hop_s,
            self.config.floor_window_s,
            max(self.config.floor_smoothing_s, 1e-3),
            self._quietest,
        )
        self._voicing = Voicing(frequencies, self._stft.frame_length, self._stft.fft_length, sample_rate_hz)
        self._level = LevelAboveFloor(frequencies)
        self._network = self._build_network(frequencies) if self.config.voice_network else None
        self._silero = (
            SileroVoiceActivity(self.config.voice_model, sample_rate_hz) if self.config.voice_model else None
        )
        self._heard = SpatialNoise(
            self.config.hop_s,
            self.config.memory_s,
            self.config.noise_memory_s,
            self.config.noise_share,
            pause_s=self.config.noise_pause_s,
        )
        self._sphere_layout = sphere_grid(self.config.sphere_rows, self.config.sphere_cols)
        self._sphere_cells = CellAngles(self._sphere_layout, None, self.config.assumed_range_m)
        self.set_array(array)
        self.set_camera(camera)

    # ---------------------------------------------------------------------------------------- what may change
    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry: steering is computed anew, what was heard is forgotten."""
        self.array = array
        self._steered: dict[bytes, SphereSteering] = {}
        self.reset()
        self._steering_for(np.ones(array.channels, bool))  # now, so that the first window does not wait

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self.camera = camera
        self._image_layout: GridLayout | None = None
        if camera is not None:
            self._image_layout = image_grid(
                camera.width, camera.height, self.config.image_rows, self.config.image_cols
            )
            self._image_cells = CellAngles(self._image_layout, camera, self.config.assumed_range_m)

    def reset(self) -> None:
        """Forget what was heard."""
        self._stft.reset()
        self._floor.reset()
        for part in (self._network, self._silero):
            if part is not None:
                part.reset()
        self._heard.reset()
        self._voice = 0.0
        self._end_ns: int | None = None

    @property
    def limits(self) -> tuple[str, ...]:
        """What this geometry cannot tell apart, in words."""
        return self._steering_for(np.ones(self.array.channels, bool)).ambiguity.reasons

    # ---------------------------------------------------------------------------------------- one window
    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        heard = self.hear(window)
        image = None
        if self.camera is not None and self._image_layout is not None:
            image = self._grid(window, heard, self._image_layout, self._image_cells, self.camera.frame_id)
        sphere = self._grid(window, heard, self._sphere_layout, self._sphere_cells, self.array.frame_id)
        return AudioGrids(image, sphere, heard.voice_probability, heard.reasons)

    def hear(self, window: AudioWindow) -> Heard:
        """The peaks of one window and whether it holds a voice: `step` before calibration."""
        check_window(window, self.array, self.sample_rate_hz)
        usable = usable_channels(window)
        if usable.sum() < 2:
            self.reset()
            return Heard(None, None, 0.0, ("fewer than two channels carry sound",))
        self._follow_time(window)
        steered = self._steering_for(usable)
        samples = np.where(usable, window.samples, 0.0).astype(np.float32, copy=False)
        spectra = self._stft.push(replace(window, samples=samples))[:, usable]  # (hops, channels, bins)
        weights, hop_voice, voice = self._listen(spectra, samples[:, usable])
        peaks = self._localise(spectra, weights, hop_voice, steered)
        return Heard(peaks, steered, voice, channel_reasons(window, usable, self.array.channel_names))

    def _follow_time(self, window: AudioWindow) -> None:
        """What was heard before a gap fades by the length of the gap; time that runs backward starts anew."""
        if self._end_ns is not None:
            gap_s = (window.stamp_ns - self._end_ns) * 1e-9
            if gap_s < -window.duration_s:
                self.reset()
            elif gap_s > 0:
                self._heard.fade(float(np.exp(-gap_s / max(self.config.memory_s, 1e-3))))
        self._end_ns = window.stamp_ns + round(window.duration_s * 1e9)

    def _listen(self, spectra: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """How far each bin stands above the noise, float32 (hops, band bins); voice of each hop (hops,), and smoothed."""
        power = (spectra.real**2 + spectra.imag**2).mean(1)  # (hops, bins)
        floor = np.stack([self._floor.update(p) for p in power]) if len(power) else power
        weights = stands_out(power, floor, self.config.least_weight, self._quietest)  # (hops, bins)
        voicing = self._voicing(power)  # (hops,)
        level_db = self._level(power, floor)  # (hops,)
        if self._network is not None:
            now = self._network(power, voicing) * (
                level_db > 0
            )  # digital silence is like nothing it was taught
        else:
            now = 1 / (1 + np.exp(-(0.25 * (level_db - 10) + 6 * (voicing - 0.4))))
        self._smooth_voice(now)
        if self._silero is None:
            return weights[:, self._band].astype(np.float32), now, self._voice
        voice = self._silero.probability(samples.mean(1))
        return weights[:, self._band].astype(np.float32), np.full(len(power), voice), voice

    def _smooth_voice(self, probabilities: np.ndarray) -> None:
        """Up at once, down slowly: voices pause between syllables."""
        for probability in probabilities:
            keep = np.exp(
                -self.config.hop_s
                / (VOICE_RISE_S if probability > self._voice else self.config.voice_release_s)
            )
            self._voice = float(keep * self._voice + (1 - keep) * probability)

    def _localise(
        self, spectra: np.ndarray, weights: np.ndarray, voice: np.ndarray, steered: SphereSteering
    ) -> PowerPeaks:
        """Peaks of the steered power, averaged over the last `memory_s` by how much each bin counted."""
        steering = steered.steering
        in_band = spectra[..., self._band]
        projected = steering.on_cpu(steering.project(in_band, weights))  # (hops, pairs * rank)
        loudness = (in_band.real**2 + in_band.imag**2).mean((1, 2))  # (hops,)
        self._heard.add(projected, weights.sum(-1), loudness, voice)
        vector, weight = self._heard.cleaned()
        power = steering.power(vector[None], np.array([weight], np.float32))  # (1, cells)
        return sphere_power_peaks(
            steering.on_cpu(power).reshape(self._sphere_layout.shape),
            self._sphere_layout,
            steered.allowed,
            self.config.max_peaks,
            np.radians(self.config.apart_deg),
        )

    def _grid(
        self, window: AudioWindow, heard: Heard, layout: GridLayout, cells: CellAngles, frame_id: str
    ) -> SpeakerGrid:
        """Probabilities over one grid; its threshold is what a peak just sure enough reaches in its best cell."""
        if heard.peaks is None or heard.steered is None:
            probability, sharpness = np.zeros(layout.shape, np.float32), 1.0
        else:
            voice = heard.voice_probability
            talker = talker_probability(heard.peaks, heard.steered.sharpest, voice, self.calibration)
            probability, sharpness = cell_probability(
                heard.peaks, talker, voice, cells, heard.steered.ambiguity, self.calibration
            )
        return SpeakerGrid(
            window.stamp_ns,
            layout,
            Modality.AUDIO,
            probability,
            self.config.threshold * max(sharpness, 0.05),
            NAME,
            frame_id,
            window.duration_s,
            audio_weight=np.float32(heard.voice_probability).reshape(()),
        )

    # ---------------------------------------------------------------------------------------- input and steering
    def _build_network(self, frequencies_hz: np.ndarray) -> VoiceNetwork:
        if (self.config.frame_s, self.config.hop_s) != (FRAME_S, HOP_S):
            raise InputError(
                f"the voice network was trained on frames of {FRAME_S} s every {HOP_S} s, not {self.config.frame_s} and "
                f"{self.config.hop_s}: leave frame_s and hop_s as they are, or set voice_network to false"
            )
        return VoiceNetwork(frequencies_hz)

    def _steering_for(self, usable: np.ndarray) -> SphereSteering:
        """Steering of the usable microphones, computed when first needed."""
        key = usable.tobytes()
        if key not in self._steered:
            self._steered[key] = steer_over_sphere(
                self.array,
                usable,
                self._sphere_layout,
                self.config.assumed_range_m,
                self._stft.frequencies_hz[self._band],
                self.config.device,
            )
        return self._steered[key]
