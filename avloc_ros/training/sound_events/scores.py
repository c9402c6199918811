"""From a network's chunks back to whole recordings, and their scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from avloc_ros.datasets.events.event_chunks import EventChunks
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.evaluation.seld.segments import SegmentCounts, count_recording, segment_scores
from avloc_ros.sources.dcase_csv import EventRow

ChunkEvents = tuple[int, int, EventsByFrame]  # recording, first frame, events of the chunk's frames


def rows_of(events: EventsByFrame, first_frame: int = 0, frames: int | None = None) -> list[EventRow]:
    """Rows of events per frame; frames from `frames` on are left out. Sources count the events of a frame."""
    rows = []
    for index, here in enumerate(events):
        if frames is None or first_frame + index < frames:
            rows += [
                EventRow.towards(first_frame + index, event.class_index, source, event.direction)
                for source, event in enumerate(here)
            ]
    return rows


def recording_rows(predictions: Iterable[ChunkEvents], chunks: EventChunks) -> dict[str, list[EventRow]]:
    """{name of the recording: predicted rows}; a chunk that came twice (padding of several GPUs) counts once."""
    unique = {(recording, first): events for recording, first, events in predictions}
    rows: dict[str, list[EventRow]] = {loaded.name: [] for loaded in chunks.recordings}
    for (recording, first), events in sorted(unique.items(), key=lambda item: item[0]):
        loaded = chunks.recordings[recording]
        rows[loaded.name] += rows_of(events, first, loaded.frames)
    return rows


def chunk_scores(predictions: Iterable[ChunkEvents], chunks: EventChunks, classes: int) -> dict[str, Any]:
    """micro, macro and classwise scores of validation chunks over whole recordings."""
    total = SegmentCounts(classes)
    rows = recording_rows(predictions, chunks)
    for loaded in chunks.recordings:
        total.merge(count_recording(loaded.rows, rows[loaded.name], classes, loaded.frames))
    return segment_scores(total)
