"""The localizer of diff_track as an audio tracker of the chain: a few tracks with activities become a sphere grid.

The network hears first-order ambisonics, which any array with depth is brought to, or the one array that it was trained
for. It answers every 0.1 s; between answers the last one stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.direction_grid import DirectionGrid
from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.inputs.direction_stream import DirectionStream
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.features.spectra.channel_check import channel_reasons, usable_channels
from avloc_ros.geometry import CameraModel, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.diff_track_network import LiveLocalizer, live_weights
from avloc_ros.systems.audio_grids import AudioGrids, check_window
from avloc_ros.systems.diff_track_card import LiveCard
from avloc_ros.systems.sphere_view import SphereView
from avloc_ros.types import AudioWindow, InputError

NAME = "diff_track"
ROWS, COLS = 36, 72
SAME_PLACE_M = 0.005  # microphones that are farther from where the network was trained for are another array
OTHERS = "take the tracker any_array or srp, which work with any array"


@dataclass(frozen=True)
class DiffTrackConfig:
    """Settings of the diff_track audio tracker."""

    weights: str = setting("", "path of the network's .onnx file with its card beside it; empty: the shipped one")
    threshold: float = setting(
        -1.0, "a track surer than this is a detection; below 0: the one in the card, from validation", low=-1.0, high=1.0
    )
    device: str = setting("cpu", "where to infer: auto, cpu, cuda, cuda:N; it is small, a copy costs more")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)


class DiffTrackTracker:
    """Audio windows in, speaker grids out; causal. Raises InputError where weights are missing or the array does not do."""

    def __init__(
        self,
        config: DiffTrackConfig | None = None,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        sample_rate_hz: int = 48000,
        *,
        image_shape: tuple[int, int] = (20, 24),
        assumed_range_m: float = 2.0,
    ) -> None:
        """image_shape: rows and columns of the image grid."""
        if array is None:
            raise InputError("diff_track needs the microphone array: give array_file, or publish microphone_array")
        self.config = config or DiffTrackConfig()
        self.sample_rate_hz = sample_rate_hz
        weights = live_weights(self.config.weights)
        self._card = LiveCard.of(weights)
        self._network = LiveLocalizer(weights, self.config.device, self.config.threads)
        self._stream = DirectionStream(self._card.features.at_rate(sample_rate_hz))
        self._layout = sphere_grid(ROWS, COLS)
        self._bumps = DirectionGrid(self._layout, self._card.calibration)
        self._view = SphereView(NAME, self._layout, image_shape, assumed_range_m)
        self.set_array(array)
        self.set_camera(camera)

    # ---------------------------------------------------------------------------------------- what may change
    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry; what was heard is forgotten. Raises InputError where the network cannot hear with it."""
        self.array = array
        self._encoders: dict[bytes, FoaEncoder | None] = {}
        self._encoder_for(np.ones(array.channels, bool))
        self._limits = ArrayAmbiguity(array).reasons
        self.reset()

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self._view.look_through(camera)

    @property
    def camera(self) -> CameraModel | None:
        """The camera whose pixels the image grid is on."""
        return self._view.camera

    def reset(self) -> None:
        """Forget what was heard."""
        self._stream.reset()
        self._network.reset()
        self._frames: np.ndarray | None = None  # features (channels, frames, bands) short of a label frame
        self._probability = np.zeros((ROWS, COLS), np.float32)
        self._voice = 0.0
        self._end_ns: int | None = None

    @property
    def limits(self) -> tuple[str, ...]:
        """What the geometry cannot tell apart, in words."""
        return self._limits

    # ---------------------------------------------------------------------------------------- one window
    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        check_window(window, self.array, self.sample_rate_hz)
        self._follow_time(window)
        usable = usable_channels(window)
        reasons = channel_reasons(window, usable, self.array.channel_names)
        try:
            encoder = self._encoder_for(usable)
        except InputError as error:
            self.reset()
            return self._grids(window, (*reasons, f"the channels that are left do not do: {error}"))
        samples = np.where(usable, window.samples, 0.0).astype(np.float32, copy=False)
        self._hear(self._stream.push(replace(window, samples=samples), encoder, usable))
        return self._grids(window, reasons)

    def _hear(self, features: np.ndarray) -> None:
        """Take in features (channels, frames, bands); each full label frame is an answer of the network."""
        frames = features if self._frames is None else np.concatenate([self._frames, features], axis=1)
        size = self._card.frames_per_label
        labels = frames.shape[1] // size
        for label in range(labels):
            directions, logits = self._network.step(frames[:, label * size : (label + 1) * size])
        if labels:
            talker = self._card.calibration.talker_probability(logits)
            self._probability, self._voice = self._bumps(directions, talker), float(talker.max())
        self._frames = frames[:, labels * size :]

    def _follow_time(self, window: AudioWindow) -> None:
        """Sound after a pause, or time that runs backward, starts anew."""
        if self._end_ns is not None:
            gap_s = (window.stamp_ns - self._end_ns) * 1e-9
            if gap_s < -window.duration_s or gap_s > self._card.label_s:
                self.reset()
        self._end_ns = window.stamp_ns + round(window.duration_s * 1e9)

    def _grids(self, window: AudioWindow, reasons: tuple[str, ...]) -> AudioGrids:
        surest = self.config.threshold if self.config.threshold >= 0 else self._card.threshold
        threshold = surest * self._bumps.sharpness
        return self._view.grids(window, self._probability, threshold, self._voice, self.array.frame_id, reasons)

    # ---------------------------------------------------------------------------------------- the array
    def _encoder_for(self, usable: np.ndarray) -> FoaEncoder | None:
        """What makes FOA of the usable channels, computed when first needed; None for a network of one array."""
        key = usable.tobytes()
        if key not in self._encoders:
            self._encoders[key] = self._fit(usable)
        return self._encoders[key]

    def _fit(self, usable: np.ndarray) -> FoaEncoder | None:
        if self._card.array is not None:
            check_same_array(self.array, self._card.array, usable)
            return None
        names = tuple(n for n, fine in zip(self.array.channel_names, usable, strict=True) if fine)
        if len(names) < 4:
            raise InputError(f"diff_track needs 4 microphones, '{self.array.name}' has {len(names)} that sound: {OTHERS}")
        part = replace(
            self.array, positions_m=self.array.positions_m[usable], channel_names=names, device_channels=()
        )
        features = self._stream.config
        try:
            return FoaEncoder(part, features.sample_rate_hz, features.fft_length)
        except InputError as error:
            raise InputError(f"diff_track hears first-order ambisonics: {error}; or {OTHERS}") from error


def check_same_array(given: MicrophoneArray, trained: MicrophoneArray, usable: np.ndarray) -> None:
    """Raises InputError where `given` is not the array of the network, or not all its channels are usable."""
    if given.channels != trained.channels or (
        np.linalg.norm(given.positions_m - trained.positions_m, axis=1).max() > SAME_PLACE_M
    ):
        raise InputError(
            f"these weights of diff_track were trained for the array '{trained.name}' ({trained.channels} microphones), "
            f"not for '{given.name}': train others (`avloc train diff_track_localizer_small --array`), or {OTHERS}"
        )
    if not usable.all():
        raise InputError(f"diff_track was trained with all channels of '{trained.name}': {OTHERS}")
