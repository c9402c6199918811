"""Plots of an evaluation (PNG)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.evaluation.recording import PAPER_THRESHOLD, Recording

TRUE = "#9aa5b1"
COLOURS = ("#d9480f", "#1971c2", "#2f9e44", "#9c36b5", "#e8a100", "#0c8599", "#c2255c", "#5f3dc4")


def plot_azimuths(path: Path, recording: Recording) -> Path:
    """Azimuth against time: who truly speaks (grey), and what is reported (one colour per identity)."""
    figure, axes = _figure(9, 3.2)
    true = [(f.time_s, np.degrees(row.azimuth_rad)) for f in recording.frames for row in f.talkers()]
    if true:
        axes.scatter(*zip(*true, strict=True), s=16, c=TRUE, marker="s", linewidths=0, label="truth")
    said = [
        (f.time_s, np.degrees(c.azimuth_rad), c.id)
        for f in recording.frames
        for c in f.reported()
        if c.azimuth_rad is not None
    ]
    for number, name in enumerate(sorted({row[2] for row in said})):
        points = [row[:2] for row in said if row[2] == name]
        colour = COLOURS[number % len(COLOURS)]
        axes.scatter(*zip(*points, strict=True), s=5, color=colour, linewidths=0, label=name or "reported")
    axes.set(xlabel="time (s)", ylabel="azimuth (deg)", title=recording.name, ylim=(-185, 185))
    axes.set_yticks(range(-180, 181, 60))
    if true or said:
        axes.legend(loc="upper right", fontsize=7, ncols=4, markerscale=2)
    return _saved(figure, path)


def plot_sweep(path: Path, metrics: dict[str, Any]) -> Path:
    """LE, FR and FP against the threshold (paper Fig. 4), for every system of the table; counts where no picture is."""
    names = (("le_px_mean", "LE (px)"), ("frame_recall", "FR"), ("false_positives", "FP per frame"))
    if metrics.get("le_px_mean") is None:
        names = (
            ("azimuth_within_10deg", "within 10 deg"),
            ("count_accuracy", "count right"),
            ("false_per_frame", "false"),
        )
    figure, panels = _figure(10, 3.2, 3)
    systems = metrics.get("systems", {metrics["system"]: metrics})
    for axes, (key, label) in zip(panels, names, strict=True):
        for number, (system, figures) in enumerate(systems.items()):
            points = [(row["threshold"], row[key]) for row in figures["sweep"] if row[key] is not None]
            if points:
                axes.plot(
                    *zip(*points, strict=True), color=COLOURS[number % len(COLOURS)], lw=1.4, label=system
                )
        axes.set(xlabel="threshold", title=label, xlim=(0, 1))
    panels[0].legend(fontsize=7)
    return _saved(figure, path)


def plot_figure4(folder: Path, metrics: dict[str, Any]) -> list[Path]:
    """Paper Fig. 4, one plot per figure: LE on cells, LE, FR and FP against the threshold, all rows of the table.

    Several weight files of a row: thin lines, their mean bold. Dots: the own threshold. Crosses: the paper's figures.
    """
    table1 = metrics["table1"]
    panels = (
        ("le_cell_px_mean", "LE on cells (px)", "le_px", "figure4_le_cell.png"),
        ("le_px_mean", "LE (px)", None, "figure4_le.png"),
        ("frame_recall", "FR", "frame_recall", "figure4_fr.png"),
        ("false_positives", "FP per frame", "false_positives", "figure4_fp.png"),
    )
    return [_figure4_panel(folder / name, metrics["systems"], table1, *rest) for *rest, name in panels]


def _figure4_panel(
    path: Path, systems: dict[str, Any], table1: dict[str, Any], key: str, label: str, paper_key: str | None
) -> Path:
    figure, axes = _figure(7, 4.4)
    for number, (name, row) in enumerate(table1["rows"].items()):
        colour = COLOURS[number % len(COLOURS)]
        runs = [system["sweep"] for other, system in systems.items() if other == name or other.startswith(f"{name} #")]
        curves = np.array([[np.nan if point[key] is None else point[key] for point in run] for run in runs], float)
        thresholds = [point["threshold"] for point in runs[0]]
        for curve in curves if len(curves) > 1 else ():
            axes.plot(thresholds, curve, color=colour, lw=0.6, alpha=0.6)
        axes.plot(thresholds, curves.mean(0), color=colour, lw=1.8, label=name)
        if row["own"][key] is not None and row["threshold"] is not None:
            axes.plot(row["threshold"], row["own"][key]["mean"], "o", color=colour, ms=6)
        theirs = (row["paper"] or {}).get(paper_key) if paper_key else None
        if theirs is not None:
            axes.plot(PAPER_THRESHOLD, theirs, "x", color=colour, ms=8, mew=2)
    if paper_key:
        axes.plot([], [], "x", color="#495057", label=f"paper ({table1['paper_data']})")
    axes.plot([], [], "o", color="#495057", label="own threshold")
    axes.set(xlabel="threshold", ylabel=label, xlim=(0, 1), title=label)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    return _saved(figure, path)


def plot_grid_sizes(path: Path, metrics: dict[str, Any]) -> Path:
    """LE, FR and FP against the number of cells of the image grid."""
    figure, panels = _figure(10, 3.2, 3)
    names = (("le_px_mean", "LE (px)"), ("frame_recall", "FR"), ("false_positives", "FP per frame"))
    rows = [row for row in metrics["grid_sizes"] if row.get("frame_recall") is not None]
    for axes, (key, label) in zip(panels, names, strict=True):
        sizes = [f"{row['rows']}x{row['cols']}" for row in rows]
        axes.plot(sizes, [row[key] for row in rows], "o-", color=COLOURS[0])
        axes.set(title=label, xlabel="rows x columns")
        axes.set_ylim(bottom=0)
    return _saved(figure, path)


def plot_comparison(path: Path, metrics: dict[str, Any]) -> Path:
    """LE, FR and FP of all systems, with 95 % intervals over recordings."""
    names = (("le_px_mean", "LE (px)"), ("frame_recall", "FR"), ("false_positives", "FP per frame"))
    figure, panels = _figure(10, 3.0, 3)
    systems = metrics["systems"]
    for axes, (key, label) in zip(panels, names, strict=True):
        for number, (system, figures) in enumerate(systems.items()):
            value = figures[key]
            if value is None:
                continue
            low, high = figures["intervals_95"].get(key, [value, value])
            colour = COLOURS[number % len(COLOURS)]
            axes.errorbar(
                value,
                system,
                xerr=[[max(0, value - low)], [max(0, high - value)]],
                fmt="o",
                color=colour,
                capsize=3,
            )
        axes.set(title=label)
        axes.invert_yaxis()
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    return _saved(figure, path)


def _figure(width: float, height: float, panels: int = 1) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # an extra; no display is needed
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels)
    for panel in np.atleast_1d(axes):
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path
