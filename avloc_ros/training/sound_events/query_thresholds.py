"""From which probability a trained query tells an event, chosen on recordings that it did not learn from, and its scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avloc_ros.datasets.events.event_chunks import ChunkConfig, EventChunks
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.systems.asked_paths import ask_alone
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.training.sound_events.scores import ChunkEvents, chunk_scores

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


class ToldAlone:
    """What a query by itself tells of the chunks of recordings, side by side, from the lowest threshold on."""

    def __init__(self, weights: Path, recordings: Sequence[EventRecording], config: ChunkConfig) -> None:
        network = ask_alone(EventNetworkConfig(str(weights), threshold=THRESHOLDS[0], keep_share=1.0, device="cpu"))
        self._classes = len(network.classes)
        self._chunks = EventChunks(recordings, config, lambda rows, frames, random: {})
        self._told: list[ChunkEvents] = []
        for item in range(len(self._chunks)):
            chunk = self._chunks[item]
            events = network.events(chunk["samples"].T, None, network.frames)
            self._told.append((chunk["recording"], chunk["first_frame"], events))

    def scores(self, threshold: float) -> dict[str, Any]:
        """micro, macro and classwise scores. The surest are told first, so a lower threshold only adds to what a higher tells."""
        sure = [
            (recording, first, [[event for event in frame if event.score >= threshold] for frame in events])
            for recording, first, events in self._told
        ]
        return chunk_scores(sure, self._chunks, self._classes)

    def best_threshold(self) -> float:
        """That of THRESHOLDS with the smallest micro SELD score."""
        return min(THRESHOLDS, key=lambda threshold: self.scores(threshold)["micro"]["seld"])
