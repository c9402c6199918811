"""The CRNN of DSW as an audio tracker of the chain: it hears into the picture, another tracker hears all around."""

from __future__ import annotations

from dataclasses import replace

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.audio_grids import AudioGrids, AudioTracker
from avloc_ros.systems.dsw_audio import DswAudioConfig, DswAudioTracker
from avloc_ros.types import AudioWindow

NO_CAMERA = "crnn hears into the picture only: no camera yet, what is heard comes from the tracker of the sphere"


class CrnnTracker:
    """Image grid by a network that was trained for this array and camera; sphere grid, voice and reasons by another tracker.

    With a network that looks ahead, the image grid is that of an earlier window: its stamp tells which.
    """

    def __init__(self, config: DswAudioConfig, around: AudioTracker) -> None:
        """Raises InputError where weights are missing, or were trained for another array or camera."""
        self.config, self._around = config, around
        self._network: DswAudioTracker | None = None
        self._open()

    @property
    def array(self) -> MicrophoneArray:
        return self._around.array

    @property
    def camera(self) -> CameraModel | None:
        return self._around.camera

    @property
    def limits(self) -> tuple[str, ...]:
        """What the geometry cannot tell apart, in words."""
        return self._around.limits

    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry; the network must have been trained for it."""
        self._around.set_array(array)
        self._open()

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera; the network must have been trained for it."""
        self._around.set_camera(camera)
        self._open()

    def reset(self) -> None:
        """Forget what was heard."""
        self._around.reset()
        if self._network is not None:
            self._network.reset()

    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        grids = self._around.step(window)
        if self._network is None:
            return replace(grids, reasons=(*grids.reasons, NO_CAMERA))
        return replace(grids, image=self._network.step(window))

    def _open(self) -> None:
        camera = self._around.camera
        self._network = DswAudioTracker(self.config, self._around.array, camera) if camera is not None else None
