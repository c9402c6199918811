"""Two audio trackers on the same sound, the learned and the classical one: their log odds are averaged.

They err in different ways. mixture knows voices and finds each talker separately, but takes some lasting sounds for a voice; srp
learns in pauses where noise comes from, and loses a voice that is no louder than the noise. With microphones on a line, whose
cones the candidates of mixture do not part well, any_array takes its place (docs/any_array.md has the blend).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from avloc_ros.config import setting
from avloc_ros.features.directions.array_ambiguity import ArrayShape
from avloc_ros.features.directions.gathered_talkers import gathered_talkers
from avloc_ros.features.inputs.any_array_layout import COLS, ROWS
from avloc_ros.geometry import CameraModel, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.any_array import AnyArrayConfig
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.systems.mixture import MixtureConfig, MixtureTracker
from avloc_ros.systems.sphere_view import SphereView
from avloc_ros.systems.srp import SrpConfig, SrpTracker
from avloc_ros.types import AudioWindow

NAME = "blend"
SUREST = 1e-4  # neither tracker is believed to be surer than this, so that none silences the other


@dataclass(frozen=True)
class BlendConfig:
    """Settings of the blend."""

    classical_share: float = setting(
        0.45, "share of the classical tracker (srp) in the log odds, the rest is the mixture's", low=0.0, high=1.0
    )
    classical_share_in_a_plane: float = setting(
        0.35, "the same for microphones in a plane, where srp parts two talkers less well", low=0.0, high=1.0
    )
    classical_share_on_a_line: float = setting(
        0.45, "the same for microphones on a line, where the rest is any_array's", low=0.0, high=1.0
    )
    threshold: float = setting(0.46, "detection threshold of a cell, chosen on validation scenes", low=0.0, high=1.0)


class BlendTracker:
    """Audio windows in, speaker grids out; causal, no look-ahead."""

    def __init__(
        self,
        config: BlendConfig,
        mixture: MixtureConfig,
        any_array: AnyArrayConfig,
        srp: SrpConfig,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        sample_rate_hz: int = 48000,
    ) -> None:
        """The image grid and the assumed range are those of `srp`. Raises InputError without an array or weights."""
        self.config = config
        self._share_of = {
            ArrayShape.VOLUME: config.classical_share,
            ArrayShape.PLANE: config.classical_share_in_a_plane,
            ArrayShape.LINE: config.classical_share_on_a_line,
        }
        image_shape, range_m = (srp.image_rows, srp.image_cols), srp.assumed_range_m
        self._learned = MixtureTracker(mixture, any_array, array, None, sample_rate_hz, assumed_range_m=range_m)
        # With a threshold of 1 that of its grids is how sure it can be of one cell at best, with this array.
        classical = replace(srp, sphere_rows=ROWS, sphere_cols=COLS, threshold=1.0)
        self._classical = SrpTracker(classical, array, None, sample_rate_hz)
        self._view = SphereView(NAME, sphere_grid(ROWS, COLS), image_shape, range_m)
        self.set_camera(camera)

    @property
    def array(self) -> MicrophoneArray:
        """The geometry that it listens with."""
        return self._learned.array

    @property
    def camera(self) -> CameraModel | None:
        """The camera whose pixels the image grid is on."""
        return self._view.camera

    @property
    def limits(self) -> tuple[str, ...]:
        """What this geometry cannot tell apart, in words."""
        return self._learned.limits

    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry: steering is computed anew, what was heard is forgotten."""
        self._learned.set_array(array)
        self._classical.set_array(array)

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self._view.look_through(camera)

    def reset(self) -> None:
        """Forget what was heard."""
        self._learned.reset()
        self._classical.reset()

    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        (heard, learned), classical = self._learned.hear(window), self._classical.step(window)
        # What the array cannot tell apart (a flat one: heights) spreads srp thin.
        as_sure_as_can_be = classical.sphere.probability / classical.sphere.threshold  # (ROWS, COLS)
        shape = self._learned.shape
        if shape is ArrayShape.LINE:
            learned = gathered_talkers(heard.probability)
        share = self._share_of[shape]
        probability = _blended(learned, as_sure_as_can_be, share)
        voice = float(_blended(heard.voice, classical.voice_probability, share))
        return self._view.grids(
            window, probability, self.config.threshold, voice, self.array.frame_id, heard.reasons
        )


def _blended(learned: np.ndarray | float, classical: np.ndarray | float, classical_share: float) -> np.ndarray:
    """Probabilities of averaged log odds."""
    odds = (1 - classical_share) * _log_odds(learned) + classical_share * _log_odds(classical)
    return expit(odds).astype(np.float32)


def _log_odds(probability: np.ndarray | float) -> np.ndarray:
    return logit(np.clip(np.asarray(probability, float), SUREST, 1 - SUREST))
