"""The demo's numbers, on tracks whose errors are known by construction; the video, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.evaluation.pages.annotated_video import write_video
from avloc_ros.evaluation.pages.demo_report import plot_azimuths, summary, tracks_by_name, write_page

TIMES_S = np.arange(100) * 0.04


def rows(name: str, azimuth_deg: float, speaking: slice) -> list[tuple[str, float, float, bool]]:
    voiced = np.zeros(len(TIMES_S), bool)
    voiced[speaking] = True
    return [(name, float(t), azimuth_deg, bool(on)) for t, on in zip(TIMES_S, voiced, strict=True)]


def test_perfect_report() -> None:
    truth = tracks_by_name(rows("anna", 30, slice(0, 50)) + rows("bert", -170, slice(40, 100)))
    found = summary(truth, truth, [10.0, 20.0, 30.0])
    assert found["azimuth_within_10deg"] == 1.0
    assert found["azimuth_error_deg_median"] == 0.0
    assert found["false_per_frame"] == 0.0
    assert found["speech_frames"] == 110
    assert found["latency_ms"]["p50"] == 20.0


def test_misses_count_as_180_degrees_and_strangers_as_false() -> None:
    truth = tracks_by_name(rows("anna", 30, slice(0, 100)))
    reported = tracks_by_name(rows("s1", 35, slice(0, 50)) + rows("s2", 120, slice(0, 25)))
    found = summary(reported, truth, [])
    assert found["azimuth_within_10deg"] == 0.5
    assert found["false_per_frame"] == 0.25
    assert found["azimuth_error_deg_median"] == pytest.approx((5 + 180) / 2)


def test_azimuth_wraps_behind_the_head() -> None:
    truth = tracks_by_name(rows("anna", 179, slice(0, 100)))
    reported = tracks_by_name(rows("s1", -179, slice(0, 100)))
    assert summary(reported, truth, [])["azimuth_error_deg_median"] == pytest.approx(2.0)


def test_page_shows_numbers_and_escapes_names(tmp_path: Path) -> None:
    truth = tracks_by_name(rows("<b>", 30, slice(0, 100)))
    numbers = summary(truth, truth, [1.0]) | {"scene": "a scene"}
    plot_azimuths(truth, truth, tmp_path / "azimuth.png")
    page = write_page(tmp_path, numbers, "annotated.mp4", "azimuth.png", {"bag": "all"}).read_text()
    assert (tmp_path / "azimuth.png").stat().st_size > 10_000
    assert "100.0 %" in page
    assert "annotated.mp4" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_video_is_h264_with_sound_and_keeps_its_times(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    pictures = ((k * 0.04, np.full((91, 161, 3), 2 * k, np.uint8)) for k in range(50))
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
    assert write_video(tmp_path / "v.mp4", pictures, tone, 16_000) == 50
    with av.open(str(tmp_path / "v.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 160, 90)
        assert float(audio.duration * audio.time_base) == pytest.approx(2.0, abs=0.05)
        frames = list(container.decode(video=0))
    assert len(frames) == 50
    assert frames[25].time == pytest.approx(1.0, abs=0.005)
    assert frames[25].to_ndarray(format="gray").mean() == pytest.approx(50, abs=4)
