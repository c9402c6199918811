"""The audio tracker of DSW: a CRNN that was trained for one array and one camera (docs/papers.md: dsw)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from avloc_ros.config import from_mapping, setting
from avloc_ros.features.inputs.dsw_input import DswInputConfig, frame_maps
from avloc_ros.geometry import CameraModel, image_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import find_weights
from avloc_ros.types import AudioWindow, InputError, Modality, SpeakerGrid

SYSTEM = "dsw_audio"
SAME_PLACE_M = 0.005  # microphones that are farther from where the network was trained for are another array
SAME_PICTURE = 0.1  # relative difference of focal lengths up to which it is the same camera
GAP_FRAMES = 1.5  # a step of stamps beyond it starts anew


@dataclass(frozen=True)
class DswAudioConfig:
    """Settings of the CRNN audio tracker."""

    weights: str = setting("", "path of the network's .onnx file with its card beside it; empty: the shipped one")
    threshold: float = setting(-1.0, "detection threshold; below 0: the one validated in training", low=-1.0, high=1.0)
    device: str = setting("auto", "where to infer: auto, cpu, cuda, cuda:N, tensorrt")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)


class DswAudioTracker:
    """Windows of sound in, image grids out; with a memory of a few frames, and a look-ahead where the network has one.

    Raises InputError where weights are missing, or were trained for another array or camera.
    """

    def __init__(self, config: DswAudioConfig, array: MicrophoneArray, camera: CameraModel) -> None:
        weights = find_weights(config.weights, SYSTEM, SYSTEM)
        self.layout = from_mapping(DswInputConfig, weights.card["input"], str(weights.path))
        _check_array(array, MicrophoneArray.from_mapping(weights.card["array"]))
        _check_camera(camera, CameraModel.from_mapping(weights.card["camera"]))
        self.threshold = config.threshold if config.threshold >= 0 else weights.number("threshold")
        self.name = weights.name
        self.camera = camera
        self._grid = image_grid(camera.width, camera.height, *weights.card["grid"])
        self._engine = OnnxEngine(weights.path, config.device, config.threads)
        self._engine.warm_up()
        self._heard: deque[tuple[AudioWindow, np.ndarray]] = deque(maxlen=self.layout.frames)

    def step(self, window: AudioWindow) -> SpeakerGrid | None:
        """The grid of the frame that lies `frames_after` back; None until there is one.

        Raises InputError on another sample rate or number of microphones.
        """
        if window.sample_rate_hz != self.layout.sample_rate_hz:
            raise InputError(
                f"audio at {window.sample_rate_hz} Hz, '{self.name}' was trained for {self.layout.sample_rate_hz} Hz"
            )
        if self._heard and not self._follows(window):
            self.reset()
        self._heard.append((window, frame_maps(self._one_frame(window.samples), self.layout)))
        current = len(self._heard) - 1 - self.layout.frames_after
        if current < 0:
            return None
        wanted = np.arange(current - self.layout.frames_before, current + self.layout.frames_after + 1)
        maps = [self._heard[max(0, int(index))][1] for index in wanted]  # the first frame repeats before the start
        spectra = np.stack(maps, axis=1)[None]  # (1, maps, frames, bins)
        probability = self._engine.run({"spectra": spectra})["probability"][0]  # (rows, cols)
        answered = self._heard[current][0]
        return SpeakerGrid(
            answered.stamp_ns,
            self._grid,
            Modality.AUDIO,
            probability,
            self.threshold,
            self.name,
            self.camera.frame_id,
            answered.duration_s,
            audio_weight=np.asarray(probability.max(), np.float32),  # that anybody in the picture speaks
        )

    def reset(self) -> None:
        """Forget what was heard."""
        self._heard.clear()

    def _follows(self, window: AudioWindow) -> bool:
        step_s = (window.stamp_ns - self._heard[-1][0].stamp_ns) * 1e-9
        return 0 < step_s < GAP_FRAMES / self.layout.frame_rate_hz

    def _one_frame(self, samples: np.ndarray) -> np.ndarray:
        """Exactly the samples of one frame: stamps jitter, so that a window may be some samples shorter or longer."""
        size = self.layout.frame_samples
        missing = size - len(samples)
        return samples[:size] if missing <= 0 else np.pad(samples, ((0, missing), (0, 0)))


def _check_array(given: MicrophoneArray, trained: MicrophoneArray) -> None:
    if given.channels != trained.channels or (
        np.linalg.norm(given.positions_m - trained.positions_m, axis=1).max() > SAME_PLACE_M
    ):
        raise InputError(
            f"the audio network was trained for the array '{trained.name}' ({trained.channels} microphones), not for "
            f"'{given.name}': train one for yours (`avloc train dsw --array`), or take another audio tracker"
        )


def _check_camera(given: CameraModel, trained: CameraModel) -> None:
    trained = trained.scaled_to(given.width, given.height)
    same_lens = all(
        abs(getattr(given, key) / getattr(trained, key) - 1) < SAME_PICTURE for key in ("fx", "fy")
    )
    axis = float(np.clip(given.rotation[:, 0] @ trained.rotation[:, 0], -1, 1))  # of the two optical axes
    if not same_lens or axis < np.cos(np.radians(5)) or np.linalg.norm(given.position_m - trained.position_m) > 0.1:
        raise InputError(
            "the audio network was trained for another camera or mounting (its card says which): train one for yours "
            "(`avloc train dsw --array ... --camera ...`), or take another audio tracker"
        )
