"""The classical audio tracker: SRP-PHAT over all directions, no training on any array.

One call of `step` reads like the method: spectra, noise floor, weights, steered power, peaks, voice, probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.noise_floor import NoiseFloor
from avloc_ros.features.power_peaks import PowerPeaks, sphere_power_peaks
from avloc_ros.features.srp_phat import SrpPhat
from avloc_ros.features.stft import StreamingStft
from avloc_ros.features.voice_activity import LevelAboveFloor, SileroVoiceActivity, Voicing
from avloc_ros.geometry import CameraModel, MicrophoneArray, cell_centres, image_grid, layout_directions, sphere_grid
from avloc_ros.systems.srp_probability import CellAngles, PeakCalibration, cell_probability, talker_probability
from avloc_ros.types import AudioWindow, GridLayout, InputError, Modality, SpeakerGrid

NAME = "srp"
SILENT_SHARE = 1e-6  # a channel with less than this share of the others' median power is dead


@dataclass(frozen=True)
class SrpConfig:
    """Settings of the srp audio tracker."""

    rows: int = setting(20, "rows of the image grid", low=2, high=200)
    cols: int = setting(24, "columns of the image grid", low=2, high=200)
    sphere_rows: int = setting(36, "rows of the sphere grid, elevation -90 to 90 degrees", low=6, high=180)
    sphere_cols: int = setting(72, "columns of the sphere grid, azimuth -180 to 180 degrees", low=12, high=360)
    assumed_range_m: float = setting(2.0, "distance of talkers until it is known (parallax)", low=0.2, high=50.0)
    lowest_hz: float = setting(300.0, "lower end of the band that is localised", low=20.0, high=4000.0)
    highest_hz: float = setting(7000.0, "upper end of the band that is localised", low=1000.0, high=20000.0)
    frame_s: float = setting(0.032, "length of an analysis frame in seconds", low=0.008, high=0.2)
    hop_s: float = setting(0.010, "time between analysis frames in seconds", low=0.004, high=0.1)
    memory_s: float = setting(0.15, "time constant over which the steered power is averaged", low=0.0, high=2.0)
    floor_window_s: float = setting(1.5, "how far back the noise floor looks for its minimum", low=0.3, high=30.0)
    floor_smoothing_s: float = setting(0.08, "time constant of the power that the noise floor follows", low=0.0, high=1.0)
    quietest_dbfs: float = setting(-100.0, "level per bin below which nothing counts as sound", low=-200.0, high=0.0)
    max_peaks: int = setting(4, "peaks that are looked at in each window", low=1, high=16)
    apart_deg: float = setting(20.0, "least angle between two peaks", low=1.0, high=90.0)
    threshold: float = setting(0.3, "detection threshold of a peak being a talker, chosen on validation scenes", low=0.0, high=1.0)
    voice_model: str = setting("", "path of a Silero VAD ONNX file; empty: level and voicing")
    device: str = setting("cpu", "where the steered power is computed: cpu (numpy), or a torch device such as cuda:0")


@dataclass(frozen=True)
class AudioGrids:
    """What the ear says about one window: grids, voice, and reasons in words where it cannot tell."""

    image: SpeakerGrid | None
    sphere: SpeakerGrid
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
        self._stft = StreamingStft(sample_rate_hz, self.config.frame_s, self.config.hop_s, self.config.highest_hz)
        frequencies = self._stft.frequencies_hz
        self._band = np.flatnonzero(frequencies >= self.config.lowest_hz)
        self._floor = NoiseFloor(
            len(frequencies),
            self.config.hop_s,
            self.config.floor_window_s,
            max(self.config.floor_smoothing_s, 1e-3),
            10 ** (self.config.quietest_dbfs / 10),
        )
        self._voicing = Voicing(frequencies, self._stft.frame_length, self._stft.fft_length, sample_rate_hz)
        self._level = LevelAboveFloor(frequencies)
        self._silero = SileroVoiceActivity(self.config.voice_model, sample_rate_hz) if self.config.voice_model else None
        self._sphere_layout = sphere_grid(self.config.sphere_rows, self.config.sphere_cols)
        self._sphere_cells = CellAngles(self._sphere_layout, None, self.config.assumed_range_m)
        along = np.cos(cell_centres(self._sphere_layout)[..., 1])
        self._solid_angle = (along / along.sum()).astype(np.float32)  # (rows, cols)
        self.set_array(array)
        self.set_camera(camera)

    # ---------------------------------------------------------------------------------------- what may change
    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry: steering is computed anew, what was heard is forgotten."""
        self.array = array
        self._steered: dict[bytes, tuple[SrpPhat, ArrayAmbiguity, np.ndarray]] = {}
        self.reset()
        self._steering_for(np.ones(array.channels, bool))

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self.camera = camera
        self._image_layout: GridLayout | None = None
        if camera is not None:
            self._image_layout = image_grid(camera.width, camera.height, self.config.rows, self.config.cols)
            self._image_cells = CellAngles(self._image_layout, camera, self.config.assumed_range_m)

    def reset(self) -> None:
        """Forget what was heard."""
        self._stft.reset()
        self._floor.reset()
        if self._silero is not None:
            self._silero.reset()
        self._projected: np.ndarray | None = None  # (pairs * rank,), decaying sum
        self._weight = 0.0
        self._voice = 0.0

    # ---------------------------------------------------------------------------------------- one window
    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        self._check(window)
        usable = usable_channels(window)
        if usable.sum() < 2:
            self.reset()
            return self._answer(window, None, np.zeros(0), 0.0, ("fewer than two channels carry sound",))
        reasons = self._reasons(window, usable)
        steering, ambiguity, allowed = self._steering_for(usable)
        samples = np.where(usable, window.samples, 0.0).astype(np.float32, copy=False)
        spectra = self._stft.push(replace(window, samples=samples))[:, usable]  # (hops, channels, bins)
        weights, voice = self._listen(spectra, samples[:, usable])
        peaks = self._localise(spectra, weights, steering, allowed)
        talker = talker_probability(peaks, voice, self.calibration)
        return self._answer(window, peaks, talker, voice, reasons, ambiguity)

    def _listen(self, spectra: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, float]:
        """How far each bin stands above the noise, float32 (hops, band bins), and the probability of a voice."""
        power = (spectra.real**2 + spectra.imag**2).mean(1)  # (hops, bins)
        floor = np.stack([self._floor.update(p) for p in power]) if len(power) else power
        weights = np.maximum(0.0, 1 - floor / np.maximum(power, 1e-20))  # Wiener-like: (hops, bins)
        for level_db, voicing in zip(self._level(power, floor), self._voicing(power), strict=True):
            now = 1 / (1 + np.exp(-(0.25 * (level_db - 10) + 6 * (voicing - 0.4))))
            keep = np.exp(-self.config.hop_s / (0.03 if now > self._voice else 0.15))
            self._voice = float(keep * self._voice + (1 - keep) * now)
        voice = self._voice if self._silero is None else self._silero.probability(samples.mean(1))
        return weights[:, self._band].astype(np.float32), voice

    def _localise(
        self, spectra: np.ndarray, weights: np.ndarray, steering: SrpPhat, allowed: np.ndarray
    ) -> PowerPeaks:
        projected = np.asarray(steering.project(spectra[..., self._band], weights))  # (hops, pairs * rank)
        keep = float(np.exp(-self.config.hop_s / self.config.memory_s)) if self.config.memory_s > 0 else 0.0
        if self._projected is None or self._projected.shape != projected.shape[1:]:
            self._projected, self._weight = np.zeros(projected.shape[1], np.float32), 0.0
        for vector, weight in zip(projected, weights.sum(-1), strict=True):
            self._projected = keep * self._projected + vector
            self._weight = keep * self._weight + float(weight)
        power = np.asarray(steering.power(self._projected[None], np.array([self._weight], np.float32)))
        return sphere_power_peaks(
            power.reshape(self._sphere_layout.shape),
            allowed,
            self._solid_angle,
            self.config.max_peaks,
            np.radians(self.config.apart_deg),
        )

    def _answer(
        self,
        window: AudioWindow,
        peaks: PowerPeaks | None,
        talker: np.ndarray,
        voice: float,
        reasons: tuple[str, ...],
        ambiguity: ArrayAmbiguity | None = None,
    ) -> AudioGrids:
        def grid(layout: GridLayout, cells: CellAngles, frame_id: str) -> SpeakerGrid:
            if peaks is None or ambiguity is None:
                probability, sharpness = np.zeros(layout.shape, np.float32), 1.0
            else:
                probability, sharpness = cell_probability(peaks, talker, cells, ambiguity, self.calibration)
            return SpeakerGrid(
                window.stamp_ns,
                layout,
                Modality.AUDIO,
                probability,
                self.config.threshold * max(sharpness, 0.05),
                NAME,
                frame_id,
                window.duration_s,
            )

        image = None
        if self.camera is not None and self._image_layout is not None:
            image = grid(self._image_layout, self._image_cells, self.camera.frame_id)
        return AudioGrids(image, grid(self._sphere_layout, self._sphere_cells, self.array.frame_id), voice, reasons)

    # ---------------------------------------------------------------------------------------- input and steering
    def _check(self, window: AudioWindow) -> None:
        if window.samples.ndim != 2 or window.samples.shape[1] != self.array.channels:
            raise InputError(
                f"audio has shape {window.samples.shape}, the array '{self.array.name}' has {self.array.channels} "
                "microphones: leave out channels that are no microphones, or give the right array_file"
            )
        if window.sample_rate_hz != self.sample_rate_hz:
            raise InputError(
                f"audio at {window.sample_rate_hz} Hz came to a tracker set up for {self.sample_rate_hz} Hz: "
                "set sample_rate_hz to what the source delivers"
            )

    def _reasons(self, window: AudioWindow, usable: np.ndarray) -> tuple[str, ...]:
        reasons = []
        if not usable.all():
            names = ", ".join(name for name, fine in zip(self.array.channel_names, usable, strict=True) if not fine)
            reasons.append(f"channels left out (silent or not finite): {names}")
        if window.valid_fraction < 0.5:
            reasons.append(f"only {window.valid_fraction:.0%} of the window was received")
        return tuple(reasons)

    def _steering_for(self, usable: np.ndarray) -> tuple[SrpPhat, ArrayAmbiguity, np.ndarray]:
        """Steering of the usable microphones, computed when first needed."""
        key = usable.tobytes()
        if key not in self._steered:
            names = tuple(name for name, fine in zip(self.array.channel_names, usable, strict=True) if fine)
            array = replace(self.array, positions_m=self.array.positions_m[usable], channel_names=names)
            directions = layout_directions(self._sphere_layout, cell_centres(self._sphere_layout), None, 0.0)
            points = (directions * self.config.assumed_range_m).reshape(-1, 3)
            steering = SrpPhat(array, self._stft.frequencies_hz[self._band], points, self.config.device)
            ambiguity = ArrayAmbiguity(array)
            allowed = ambiguity.assumed_side(directions, self._sphere_layout.v_step)
            self._steered[key] = (steering, ambiguity, allowed)
        return self._steered[key]


def usable_channels(window: AudioWindow) -> np.ndarray:
    """bool (channels,): finite, and not silent while the others sound; what the window itself says counts too."""
    samples = window.samples
    finite = np.isfinite(samples).all(0)
    power = np.where(finite, np.nan_to_num(samples).astype(float) ** 2, 0.0).mean(0)
    loud = float(np.median(power[finite])) if finite.any() else 0.0
    usable = finite & (power >= SILENT_SHARE * loud)
    return usable if window.usable_channels is None else usable & window.usable_channels
