"""Recordings of sound events from whatever folder is named: STARSS, L3DAS23, or simulated scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.datasets.events.l3das import l3das_recordings
from avloc_ros.datasets.events.starss import starss_recordings


@dataclass(frozen=True)
class EventFolders:
    """recorded: recordings of data sets, which say what is for training and what for tests; simulated: scenes."""

    recorded: tuple[EventRecording, ...]
    simulated: tuple[EventRecording, ...]

    @property
    def everything(self) -> tuple[EventRecording, ...]:
        """All, whatever the data sets say."""
        return self.recorded + self.simulated

    def of_split(self, split: str) -> tuple[EventRecording, ...]:
        """Recordings of data sets that belong to `train` or `test`."""
        return tuple(recording for recording in self.recorded if recording.split == split)


def read_event_folders(paths: Sequence[Path], audio_format: str = "foa") -> EventFolders:
    """All recordings below folders. audio_format: foa or mic, which of STARSS's sounds; scenes of an array are encoded for foa.

    Raises InputError on a folder without recordings; what is neither STARSS nor L3DAS23 is searched for scenes.
    """
    recorded: list[EventRecording] = []
    simulated: list[EventRecording] = []
    for path in paths:
        if (path / "metadata_dev").is_dir():
            recorded += starss_recordings(path, audio_format)
        elif any(path.glob("L3DAS23_Task2_*")):
            recorded += l3das_recordings(path)
        else:
            simulated += scene_recordings([path], as_foa=audio_format == "foa")
    return EventFolders(tuple(recorded), tuple(simulated))
