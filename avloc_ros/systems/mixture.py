"""The learned half of the default audio tracker: directions of voices, each weighed with what any_array says of it.

any_array knows what in the spectrum is voice, and looks at maps in which loud talkers bury soft ones. The mixture of directions
(features/directions/direction_mixture.py) finds each source on its own, under the masks that any_array listens with: one
mixture of the voices' sound, one of all other sound. A small network then tells of each candidate whether it is a talker who
speaks now (docs/mixture.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.directions.array_ambiguity import ArrayShape
from avloc_ros.features.directions.power_peaks import PowerPeaks
from avloc_ros.features.directions.talker_candidates import Candidates
from avloc_ros.features.inputs.any_array_layout import COLS, ROWS
from avloc_ros.geometry import CameraModel, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.mixture_network import MixtureEngine, load_mixture
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker, HeardMoment, Steered
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.systems.mixture_evidence import MixtureEvidence
from avloc_ros.systems.sphere_view import SphereView
from avloc_ros.systems.srp_probability import CellAngles, PeakCalibration, cell_probability
from avloc_ros.types import AudioWindow, InputError

NAME = "mixture"


@dataclass(frozen=True)
class MixtureConfig:
    """Settings of the mixture tracker."""

    weights: str = setting("", "file of other weights that `avloc train mixture` wrote; empty: the shipped ones")
    threshold: float = setting(
        -1.0, "detection threshold of a cell; negative: the one in the card, chosen on validation scenes", low=-1.0, high=1.0
    )


class MixtureTracker:
    """Audio windows in, speaker grids out; causal, no look-ahead."""

    def __init__(
        self,
        config: MixtureConfig,
        any_array: AnyArrayConfig,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        sample_rate_hz: int = 48000,
        *,
        image_shape: tuple[int, int] = (20, 24),
        assumed_range_m: float = 2.0,
        engine: MixtureEngine | None = None,
    ) -> None:
        """image_shape: rows and columns of the image grid. Raises InputError without an array or weights."""
        if array is None:
            raise InputError("mixture needs the microphone array: give array_file, or publish microphone_array")
        self.config = config
        self._engine = engine or load_mixture(config.weights)
        self._ear = AnyArrayTracker(any_array, array, None, sample_rate_hz, assumed_range_m=assumed_range_m)
        self._evidence = MixtureEvidence(self._ear.frequencies_hz)
        self._calibration = PeakCalibration()
        self._layout = sphere_grid(ROWS, COLS)
        self._cells = CellAngles(self._layout, None, assumed_range_m)
        self._view = SphereView(NAME, self._layout, image_shape, assumed_range_m)
        self.set_camera(camera)

    @property
    def array(self) -> MicrophoneArray:
        """The geometry that it listens with."""
        return self._ear.array

    @property
    def camera(self) -> CameraModel | None:
        """The camera whose pixels the image grid is on."""
        return self._view.camera

    @property
    def threshold(self) -> float:
        """Detection threshold of a cell."""
        return self.config.threshold if self.config.threshold >= 0 else self._engine.threshold

    @property
    def limits(self) -> tuple[str, ...]:
        """What this geometry cannot tell apart, in words."""
        return self._ear.limits

    @property
    def shape(self) -> ArrayShape:
        """How the microphones lie."""
        return self._ear.shape

    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry: steering is computed anew, what was heard is forgotten."""
        self._ear.set_array(array)
        self._evidence.reset()

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self._view.look_through(camera)

    def reset(self) -> None:
        """Forget what was heard."""
        self._ear.reset()
        self._evidence.reset()

    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        heard, probability = self.hear(window)
        return self._view.grids(window, probability, self.threshold, heard.voice, self.array.frame_id, heard.reasons)

    def hear(self, window: AudioWindow) -> tuple[HeardMoment, np.ndarray]:
        """What any_array hears in one window, and the probabilities (ROWS, COLS) after weighing. Raises InputError as `step`."""
        heard = self._ear.hear(window)
        candidates = self._evidence.hear(heard, window.duration_s)
        if heard.steered is None or not len(candidates):
            return heard, np.zeros((ROWS, COLS), np.float32)
        talker = self._engine.talker_probability(candidates.facts)
        return heard, self._over_the_sphere(candidates, talker, heard.steered)

    def _over_the_sphere(self, candidates: Candidates, talker: np.ndarray, steered: Steered) -> np.ndarray:
        """Probability (ROWS, COLS) that a talker is within one cell width, in the best cell of a peak as sure as the peak."""
        order = np.argsort(-talker, kind="stable")
        peaks = PowerPeaks(candidates.azimuth_rad[order], candidates.elevation_rad[order], talker[order], 0.0, 1.0)
        found, sharpness = cell_probability(peaks, talker[order], 0.0, self._cells, steered.ambiguity, self._calibration)
        return np.minimum(found / max(sharpness, 0.05), 1.0) * steered.side.allowed
