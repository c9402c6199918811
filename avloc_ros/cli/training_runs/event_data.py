"""The recordings that av_seld and coloc learn from, are validated and tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.training_runs.request import Request, held_out_apart
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.datasets.events.event_recording import EventRecording
    from avloc_ros.training.sound_events.loop import Machine


@dataclass(frozen=True)
class EventData:
    """training: recorded where there are recorded ones, else simulated; synthetic: simulated beside recorded ones."""

    training: list[EventRecording]
    validation: list[EventRecording]
    synthetic: list[EventRecording]
    test: list[EventRecording]

    def table(self) -> tuple[str, ...]:
        """The classes that all recordings tell; where none does, those of STARSS. Raises InputError where two differ."""
        from avloc_ros.datasets.events.event_recording import classes_of
        from avloc_ros.decode.event_classes import STARSS_CLASSES

        return classes_of([*self.training, *self.synthetic, *self.validation, *self.test]) or STARSS_CLASSES

    def classes(self, count: int, setting: str) -> tuple[str, ...]:
        """The names of `count` classes: those that the recordings tell, else by their number.

        Raises InputError where recordings of two tables are given, or of another number, and names the setting of it.
        """
        from avloc_ros.datasets.events.event_recording import classes_of
        from avloc_ros.decode.event_classes import class_names

        told = classes_of([*self.training, *self.synthetic, *self.validation, *self.test])
        if told and len(told) != count:
            raise InputError(f"the recordings have {len(told)} classes, {setting} is {count}: set it to {len(told)}")
        return told or class_names(count)

    def facts(self, request: Request) -> dict[str, Any]:
        """Names of the folders and numbers of recordings, for the card."""
        sizes = {name: len(getattr(self, name)) for name in ("training", "synthetic", "validation", "test")}
        return {"folders": [path.name for path in request.paths], "recordings": sizes}


def event_data(request: Request, audio_format: str = "foa") -> EventData:
    """Without --validation, the data sets' own test split validates; of scenes alone, every fifth.

    Raises InputError where folders are missing or hold no recordings.
    """
    from avloc_ros.datasets.events.event_folders import read_event_folders

    request.need_paths()
    options = request.options
    found = read_event_folders(request.paths, audio_format)
    training, synthetic = list(found.of_split("train")), list(found.simulated)
    if options.validation is not None:
        validation = list(read_event_folders([options.validation], audio_format).everything)
    elif found.of_split("test"):
        validation = list(found.of_split("test"))
    else:
        training, validation = held_out_apart(training or synthetic, "recordings")
        synthetic = synthetic if found.recorded else []
    if not training:
        training, synthetic = synthetic, []
    if not training:
        raise InputError(f"{', '.join(map(str, request.paths))}: recordings to test on only, none to learn from")
    test = [] if options.test is None else list(read_event_folders([options.test], audio_format).everything)
    return EventData(training, validation, synthetic, test)


def machine_of(request: Request) -> Machine:
    """On what the loop of the sound event trainings runs."""
    from avloc_ros.training.sound_events.loop import Machine

    options = request.options
    return Machine(options.device, options.devices, options.nodes, options.threads, request.shows_progress)
