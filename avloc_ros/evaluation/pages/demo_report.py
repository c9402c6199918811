"""What the demo leaves behind: azimuth against time with the truth, the numbers, and one page that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.evaluation.pages.demo_page import write_demo_page
from avloc_ros.geometry import wrap_angle

MATCH_DEG = 10.0  # a reported speaker this close to a talker counts as that talker


@dataclass(frozen=True)
class AzimuthTrack:
    """One line of the plot: times (n,) in seconds, azimuths (n,) in degrees, and whether it speaks (n,)."""

    name: str
    time_s: np.ndarray
    azimuth_deg: np.ndarray
    speaking: np.ndarray


def tracks_by_name(rows: Sequence[tuple[str, float, float, bool]]) -> list[AzimuthTrack]:
    """Group rows (name, time_s, azimuth_deg, speaking) into tracks in the order in which the names first appear."""
    names = list(dict.fromkeys(row[0] for row in rows))
    tracks = []
    for name in names:
        own = sorted((row[1:] for row in rows if row[0] == name), key=lambda row: row[0])
        time_s, azimuth_deg, speaking = map(np.asarray, zip(*own, strict=True))
        tracks.append(AzimuthTrack(name, time_s.astype(float), azimuth_deg.astype(float), speaking.astype(bool)))
    return tracks


def summary(
    reported: Sequence[AzimuthTrack], truth: Sequence[AzimuthTrack], latencies_ms: Sequence[float]
) -> dict[str, Any]:
    """Numbers of a run: azimuth error and recall over the frames in which a talker speaks, false speakers, latency."""
    errors: list[float] = []
    false_speakers = frames = speech_frames = 0
    for time_s, talkers in speaking_by_time(truth).items():
        heard = speaking_at(reported, time_s)
        frames += 1
        speech_frames += len(talkers)
        distances = np.abs(np.degrees(wrap_angle(np.radians(np.subtract.outer(talkers, heard)))))
        if distances.size:
            errors += list(distances.min(axis=1))
            false_speakers += int((distances.min(axis=0) > 2 * MATCH_DEG).sum())
        else:
            errors += [180.0] * len(talkers)
            false_speakers += len(heard)
    latency = np.percentile(latencies_ms, [50, 95, 99]) if len(latencies_ms) else [float("nan")] * 3
    return {
        "frames": frames,
        "speech_frames": speech_frames,
        "azimuth_error_deg_median": float(np.median(errors)) if errors else None,
        "azimuth_within_10deg": float(np.mean(np.asarray(errors) <= MATCH_DEG)) if errors else None,
        "false_per_frame": false_speakers / max(frames, 1),
        "ids": [track.name for track in reported],
        "latency_ms": dict(zip(("p50", "p95", "p99"), map(float, latency), strict=True)),
    }


def speaking_by_time(truth: Sequence[AzimuthTrack]) -> dict[float, np.ndarray]:
    """Azimuths of those who speak, for every time of the truth."""
    times = sorted({float(t) for track in truth for t in track.time_s})
    return {time: np.array([azimuth for track in truth for azimuth in at(track, time, 1e-6)]) for time in times}


def speaking_at(reported: Sequence[AzimuthTrack], time_s: float) -> np.ndarray:
    """Azimuths of the reported speakers that speak, at the frame nearest to `time_s` (within 20 ms)."""
    return np.array([azimuth for track in reported for azimuth in at(track, time_s, 0.02)])


def at(track: AzimuthTrack, time_s: float, tolerance_s: float) -> list[float]:
    """The track's azimuth at a time, in a list that is empty where it is silent or absent."""
    index = int(np.searchsorted(track.time_s, time_s))
    near = [i for i in (index - 1, index) if 0 <= i < len(track.time_s)]
    best = min(near, key=lambda i: abs(track.time_s[i] - time_s), default=None)
    if best is None or abs(track.time_s[best] - time_s) > tolerance_s or not track.speaking[best]:
        return []
    return [float(track.azimuth_deg[best])]


def plot_azimuths(reported: Sequence[AzimuthTrack], truth: Sequence[AzimuthTrack], path: Path) -> None:
    """Azimuth against time: truth as broad pale bands where it speaks, reported speakers as thin lines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(11, 4.6), dpi=110, layout="constrained")
    for index, track in enumerate(truth):
        voiced = np.where(track.speaking, track.azimuth_deg, np.nan)
        axes.plot(track.time_s, track.azimuth_deg, color="0.85", linewidth=1.2)
        axes.plot(track.time_s, voiced, linewidth=11, alpha=0.28, color=f"C{index}", label=f"truth: {track.name}")
    for index, track in enumerate(reported):
        color = f"C{(index + len(truth)) % 10}"
        silent, voiced = (np.where(mask, track.azimuth_deg, np.nan) for mask in (~track.speaking, track.speaking))
        axes.plot(track.time_s, silent, ":", color=color, linewidth=1.0)
        axes.plot(track.time_s, voiced, "-", color=color, linewidth=1.8, label=f"reported: {track.name}")
    axes.set(xlabel="time [s]", ylabel="azimuth [degrees], left is positive")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=6, frameon=False)
    figure.savefig(path)
    pyplot.close(figure)


def write_page(folder: Path, numbers: Mapping[str, Any], video: str | None, plot: str, extra: Mapping[str, str]) -> Path:
    """index.html in `folder`: video, plot, numbers, and where the rest lies. Returns its path."""
    return write_demo_page(folder, "dsw", MIDDLE, numbers, extra, video=video, plot=plot)


MIDDLE = """<h1>Who spoke, and where</h1>
<p>{{ numbers.scene }}. Played in real time through the ROS nodes over DDS; what you see was drawn by the overlay node.</p>
{% if video %}<video src="{{ video }}" controls></video>{% endif %}
<h2>Azimuth against time</h2>
<img src="{{ plot }}" alt="azimuth against time, reported and true">
<h2>Numbers</h2>
<table>
 <tr><th>azimuth error, median</th><td>{{ "%.1f degrees"|format(numbers.azimuth_error_deg_median or 0) }}</td></tr>
 <tr><th>talkers within 10 degrees, of all frames in which they speak</th>
  <td>{{ "%.1f %%"|format(100 * (numbers.azimuth_within_10deg or 0)) }}</td></tr>
 <tr><th>false speakers per frame</th><td>{{ "%.3f"|format(numbers.false_per_frame) }}</td></tr>
 <tr><th>latency, end of the audio window to SpeakerArray (p50 / p95 / p99)</th>
  <td>{{ "%.0f / %.0f / %.0f ms"|format(numbers.latency_ms.p50, numbers.latency_ms.p95, numbers.latency_ms.p99) }}</td></tr>
 <tr><th>identities</th><td>{{ numbers.ids|join(", ") }}</td></tr>
</table>
"""
