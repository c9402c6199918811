"""What a demo of sound events leaves behind: azimuths by class against time, how soon events were told, one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.evaluation.pages.demo_page import write_demo_page
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.sources.dcase_csv import FRAME_S, EventRow

NEAR_DEG = 20.0  # as DCASE counts a direction as right
ASKED_ONSET_S = 0.6
EARLY_S = 0.3  # what was told so long before the sound began is not of it


@dataclass(frozen=True)
class ReportedEvent:
    """One event in one message; times in seconds of the scene: of the frame, of the message's arrival, of the onset."""

    id: str
    class_id: str
    time_s: float
    arrived_s: float
    onset_s: float
    azimuth_deg: float
    elevation_deg: float


@dataclass(frozen=True)
class TrueEvent:
    """One event of the truth: times (n,) in seconds and angles (n,) in degrees of each label frame."""

    class_id: str
    time_s: np.ndarray
    azimuth_deg: np.ndarray
    elevation_deg: np.ndarray

    @property
    def onset_s(self) -> float:
        return float(self.time_s[0])

    @property
    def end_s(self) -> float:
        return float(self.time_s[-1]) + FRAME_S


def true_events(rows: Sequence[EventRow], classes: Sequence[str]) -> list[TrueEvent]:
    """The events of a truth file, in the order of their sources."""
    events = []
    for source in sorted({row.source for row in rows}):
        own = sorted((row for row in rows if row.source == source), key=lambda row: row.frame)
        columns = zip(*((row.frame * FRAME_S, row.azimuth_deg, row.elevation_deg) for row in own), strict=True)
        events.append(TrueEvent(classes[own[0].class_index], *(np.array(column) for column in columns)))
    return events


def event_summary(
    reported: Sequence[ReportedEvent], truth: Sequence[TrueEvent], latencies_ms: Sequence[float]
) -> dict[str, Any]:
    """Per true event: how soon an event of its class was told, its share of frames, its direction error; and all together.

    onset_delay_s runs from the beginning of the sound in the room to the arrival of the first message that names its
    class. A frame counts as found where an event of the class is told for it within 20 degrees.
    """
    each = [_judged(event, reported) for event in truth]
    delays = [item["onset_delay_s"] for item in each if item["onset_delay_s"] is not None]
    latency = np.percentile(latencies_ms, [50, 95, 99]) if len(latencies_ms) else [float("nan")] * 3
    errors = [item["direction_error_deg"] for item in each if item["direction_error_deg"] is not None]
    return {
        "events": each,
        "events_told": len(delays),
        "onset_delay_s_median": float(np.median(delays)) if delays else None,
        "onset_within_0.6s": sum(delay <= ASKED_ONSET_S for delay in delays) / max(1, len(truth)),
        "frames_found": float(np.mean([item["frames_found"] for item in each])) if each else None,
        "direction_error_deg_median": float(np.median(errors)) if errors else None,
        "false_events": _false_events(reported, truth),
        "corrected_events": _corrected_events(reported),
        "latency_ms": dict(zip(("p50", "p95", "p99"), map(float, latency), strict=True)),
    }


def _judged(event: TrueEvent, reported: Sequence[ReportedEvent]) -> dict[str, Any]:
    own = [row for row in reported if row.class_id == event.class_id and event.onset_s - EARLY_S <= row.time_s < event.end_s]
    errors = []
    for time_s, azimuth, elevation in zip(event.time_s, event.azimuth_deg, event.elevation_deg, strict=True):
        here = [row for row in own if abs(row.time_s - time_s) < FRAME_S / 2]
        angles = [_angle_deg(row, azimuth, elevation) for row in here]
        errors.append(min(angles, default=np.inf))
    finite = [error for error in errors if np.isfinite(error)]
    told = [row.arrived_s for row in own if row.onset_s >= event.onset_s - EARLY_S]
    return {
        "class": event.class_id,
        "onset_s": event.onset_s,
        "onset_delay_s": min(told) - event.onset_s if told else None,
        "frames_found": float(np.mean(np.array(errors) <= NEAR_DEG)),
        "direction_error_deg": float(np.median(finite)) if finite else None,
    }


def _false_events(reported: Sequence[ReportedEvent], truth: Sequence[TrueEvent]) -> int:
    """Identities that are never near a true event of their class while it sounds."""
    right = {
        row.id
        for row in reported
        for event in truth
        if event.class_id == row.class_id and event.onset_s - EARLY_S <= row.time_s <= event.end_s + EARLY_S
    }
    return len({row.id for row in reported} - right)


def _corrected_events(reported: Sequence[ReportedEvent]) -> int:
    """Identities that were told with more than one class, one after the other."""
    named = {(row.id, row.class_id) for row in reported}
    return sum(count > 1 for count in Counter(identity for identity, _ in named).values())


def _angle_deg(row: ReportedEvent, azimuth_deg: float, elevation_deg: float) -> float:
    first, second = (
        direction_from_angles(np.radians(azimuth), np.radians(elevation))
        for azimuth, elevation in ((row.azimuth_deg, row.elevation_deg), (azimuth_deg, elevation_deg))
    )
    return float(np.degrees(angle_between(first, second)))


def plot_events(reported: Sequence[ReportedEvent], truth: Sequence[TrueEvent], path: Path) -> None:
    """Azimuth against time, a colour per class: truth as broad pale bands, reported events as dots, onsets told as bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    classes = list(dict.fromkeys([*(event.class_id for event in truth), *(row.class_id for row in reported)]))
    colours = {name: f"C{number % 10}" for number, name in enumerate(classes)}
    figure, axes = pyplot.subplots(figsize=(11, 4.8), dpi=110, layout="constrained")
    named: set[str] = set()
    for event in truth:
        label = None if event.class_id in named else event.class_id
        named.add(event.class_id)
        axes.plot(
            event.time_s, event.azimuth_deg, linewidth=11, alpha=0.28, color=colours[event.class_id],
            solid_capstyle="butt", label=label,
        )  # fmt: skip
    first_of: dict[str, ReportedEvent] = {}
    for row in reported:
        first_of.setdefault(row.id, row)
        axes.plot(row.time_s, row.azimuth_deg, ".", markersize=4, color=colours[row.class_id])
    for row in first_of.values():
        axes.plot([row.onset_s, row.arrived_s], [row.azimuth_deg] * 2, "|-k", linewidth=1.0, markersize=9)
    axes.set(xlabel="time [s]", ylabel="azimuth [degrees], left is positive", ylim=(-185, 185))
    axes.set_title("bands: truth; dots: told; black: from the onset told to the arrival of the first message", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=6, frameon=False)
    figure.savefig(path)
    pyplot.close(figure)


def write_event_page(folder: Path, numbers: Mapping[str, Any], plot: str) -> Path:
    """index.html in `folder`: plot, numbers, one row per event. Returns its path."""
    return write_demo_page(folder, "sound events", MIDDLE, numbers, FILES, plot=plot)


FILES = {
    "bag": "all topics (mcap): `avloc replay bag`, `ros2 bag play bag`",
    "numbers.json": "the numbers above",
    "nodes.log": "what the nodes said",
    "player.log": "what the player said",
}
MIDDLE = """<h1>What sounded, where, and since when</h1>
<p>{{ numbers.scene }}. Played in real time through the ROS node <code>sound_events</code> over DDS.</p>
<img src="{{ plot }}" alt="azimuth of sound events against time, told and true">
<h2>Numbers</h2>
<table>
 <tr><th>events told, of {{ numbers.events|length }}</th><td>{{ numbers.events_told }}</td></tr>
 <tr><th>from the beginning of a sound to the message that names it, median</th>
  <td>{{ "%.2f s"|format(numbers.onset_delay_s_median) if numbers.onset_delay_s_median is not none else "-" }}</td></tr>
 <tr><th>told within 0.6 s, of all events</th><td>{{ "%.0f %%"|format(100 * numbers["onset_within_0.6s"]) }}</td></tr>
 <tr><th>frames with the right class within 20 degrees</th><td>{{ "%.0f %%"|format(100 * (numbers.frames_found or 0)) }}</td></tr>
 <tr><th>events that were none</th><td>{{ numbers.false_events }}</td></tr>
 <tr><th>events whose class was corrected soon after their onset</th><td>{{ numbers.corrected_events }}</td></tr>
 <tr><th>processor, of one core</th><td>{{ "%.0f %%"|format(numbers.cpu_percent) }}</td></tr>
 <tr><th>latency, end of a label frame to SoundEventArray (p50 / p95 / p99)</th>
  <td>{{ "%.0f / %.0f / %.0f ms"|format(numbers.latency_ms.p50, numbers.latency_ms.p95, numbers.latency_ms.p99) }}</td></tr>
</table>
<table>
 <tr><th>class</th><th>began</th><th>told after</th><th>frames found</th><th>direction error</th></tr>
 {% for event in numbers.events %}
 <tr><td>{{ event.class }}</td><td>{{ "%.1f s"|format(event.onset_s) }}</td>
  <td>{{ "%.2f s"|format(event.onset_delay_s) if event.onset_delay_s is not none else "-" }}</td>
  <td>{{ "%.0f %%"|format(100 * event.frames_found) }}</td>
  <td>{{ "%.0f degrees"|format(event.direction_error_deg) if event.direction_error_deg is not none else "-" }}</td></tr>
 {% endfor %}
</table>
"""
