# ruff: noqa: E402
"""The threshold of a query by itself is the one with the best score on recordings that it did not learn from."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning", reason="training room")
soundfile = pytest.importorskip("soundfile")

from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.decode.frame_event import FrameEvent
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.training.sound_events import query_thresholds
from avloc_ros.training.sound_events.query_thresholds import THRESHOLDS, ToldAlone

LEFT, AHEAD = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])


def test_it_lies_between_what_is_true_and_what_is_not(tmp_path, monkeypatch):
    """One class is told rightly with .52, another one wrongly with .42, in every frame."""
    soundfile.write(tmp_path / "a.wav", np.zeros((2400 * 20, 4)), 24000)
    rows = tuple(EventRow(frame, 0, 0, 90.0, 0.0) for frame in range(20))
    recording = EventRecording("a", tmp_path / "a.wav", lambda: rows, "train")
    told = [FrameEvent(0, LEFT, 0.52), FrameEvent(1, AHEAD, 0.42)]

    def opened(config):
        assert config.threshold == THRESHOLDS[0] and config.keep_share == 1.0
        return SimpleNamespace(classes=("a", "b"), frames=10, events=lambda samples, pictures, newest: [told] * newest)

    monkeypatch.setattr(query_thresholds, "ask_alone", opened)
    found = ToldAlone(tmp_path / "query.onnx", [recording], ChunkConfig(chunk_s=1.0))
    assert found.best_threshold() in (0.45, 0.5)
    assert found.scores(0.5)["micro"]["f20"] == pytest.approx(1.0) and found.scores(0.6)["micro"]["f20"] == 0.0
    assert found.scores(0.3)["micro"]["f20"] == pytest.approx(2 / 3)
