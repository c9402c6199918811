"""The folder that an evaluation leaves: metrics.json, tracks.csv, plots and one page."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from avloc_ros.evaluation.pages.page import write_page
from avloc_ros.evaluation.pages.plots import (
    plot_azimuths,
    plot_comparison,
    plot_figure4,
    plot_grid_sizes,
    plot_sweep,
)
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.run import Evaluation
from avloc_ros.types import InputError

TRACK_COLUMNS = (
    "frame",
    "time_s",
    "id",
    "u_px",
    "v_px",
    "azimuth_rad",
    "elevation_rad",
    "speaking_probability",
)
MOST_AZIMUTH_PLOTS = 12


def write_report(folder: Path, evaluation: Evaluation, metrics: dict[str, Any]) -> Path:
    """Write everything; returns the path of the page. Raises InputError where the folder cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder} cannot be made: {error}") from error
    (folder / "metrics.json").write_text(
        json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    recordings = evaluation.recordings[evaluation.main]
    write_tracks(folder / "tracks.csv", recordings)
    plots = plot_figure4(folder, metrics) if "table1" in metrics else [plot_sweep(folder / "sweep.png", metrics)]
    if "grid_sizes" in metrics:
        plots.append(plot_grid_sizes(folder / "grid_sizes.png", metrics))
    if "systems" in metrics:
        plots.append(plot_comparison(folder / "comparison.png", metrics))
    plots += [plot_azimuths(folder / f"azimuth_{r.name}.png", r) for r in recordings[:MOST_AZIMUTH_PLOTS]]
    return write_page(folder / "index.html", metrics, [plot.name for plot in plots])


def write_tracks(path: Path, recordings: list[Recording]) -> None:
    """One row per reported speaker and frame; with several recordings a first column names the recording."""
    several = len(recordings) > 1
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((["input"] if several else []) + list(TRACK_COLUMNS))
        for recording in recordings:
            for frame in recording.frames:
                for c in frame.reported():
                    numbers = [c.u_px, c.v_px, c.azimuth_rad, c.elevation_rad, c.score]
                    row = [frame.frame, f"{frame.time_s:.3f}", c.id, *(_number(n) for n in numbers)]
                    writer.writerow(([recording.name] if several else []) + row)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
