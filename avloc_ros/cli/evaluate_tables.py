"""The tables of `avloc evaluate` on the terminal."""

from __future__ import annotations

from typing import Any

from avloc_ros.cli.console import console

SYSTEM_COLUMNS = {
    "le_px_mean": "LE px",
    "frame_recall": "FR",
    "false_positives": "FP",
    "azimuth_error_deg_median": "az deg",
    "azimuth_within_10deg": "<10deg",
    "count_accuracy": "count",
    "false_per_frame": "false",
    "mota": "MOTA",
}  # the page shows more: a terminal has 80 columns
TABLE1_COLUMNS = {
    "le_cell_px_mean": "LE cell",
    "le_px_mean": "LE px",
    "frame_recall": "FR",
    "false_positives": "FP",
}


def print_tables(figures: dict[str, Any]) -> None:
    """All tables of a report."""
    if "table1" in figures:
        print_table1(figures["table1"])
    print_systems(figures)
    if "grid_sizes" in figures:
        print_grid_sizes(figures)


def print_systems(figures: dict[str, Any]) -> None:
    """The figures of all systems, their differences, and the errors of labelled clips."""
    table = _table(f"{len(figures['inputs'])} recordings, {figures['frames']} frames", ["system"])
    shown = {key: label for key, label in SYSTEM_COLUMNS.items() if "table1" not in figures or key not in TABLE1_COLUMNS}
    for label in shown.values():
        table.add_column(label, justify="right", no_wrap=True)
    for name, system in figures.get("systems", {figures["system"]: figures}).items():
        table.add_row(name, *(_number(system[key]) for key in shown))
    console.print(table)
    if "table1" not in figures:
        for other, row in figures.get("differences_95", {}).items():
            names = (("le_px_mean", "LE"), ("frame_recall", "FR"), ("false_positives", "FP"))
            parts = [f"{label} {_interval(row[key], 'difference', '+.3f')}" for key, label in names]
            console.print(f"{figures['system']} minus {other}: {'  '.join(parts)}", highlight=False)
    for name, row in figures["inputs"].items():
        if "clip_azimuth_error_deg" in row:
            console.print(f"{name}: azimuth error of the clip {row['clip_azimuth_error_deg']:.1f} deg")


def print_table1(table1: dict[str, Any]) -> None:
    """The paper's table with ours, at own thresholds and at 0.75, and the spatial row against the others."""
    for key, title in (("own", "each at its own threshold"), ("at_0.75", "at threshold 0.75")):
        table = _table(f"DSW Table 1, {title}; paper: {table1['paper_data']}", ["system", "thr."])
        for label in TABLE1_COLUMNS.values():
            table.add_column(label, justify="right", no_wrap=True)
        for label in ("paper LE", "FR", "FP"):
            table.add_column(label, justify="right", style="dim")
        for name, row in table1["rows"].items():
            threshold = _number(row["threshold"]) if key == "own" else "0.75"
            ours = [_with_spread(row[key][figure]) for figure in TABLE1_COLUMNS]
            paper = row["paper"] or {}
            theirs = [_number(paper.get(figure)) for figure in ("le_px", "frame_recall", "false_positives")]
            table.add_row(name, threshold, *ours, *theirs)
        console.print(table)
    for name, reason in table1["left_out"].items():
        console.print(f"left out: {name}: {reason}", soft_wrap=True, highlight=False)
    for name, row in table1["spatial_against"].items():
        parts = [
            f"LE cell ratio {_interval(row['le_cell_px_mean_ratio'], 'ratio', '.2f')}",
            f"LE px ratio {_interval(row['le_px_mean_ratio'], 'ratio', '.2f')}",
            f"FR {_interval(row['frame_recall'], 'difference', '+.3f')}",
        ]
        console.print(f"spatial against {name}: {'  '.join(parts)}", soft_wrap=True, highlight=False)
    console.print(f"look-ahead of the audio tracker beyond the frame: {1e3 * table1['look_ahead_s']:.0f} ms")


def print_grid_sizes(figures: dict[str, Any]) -> None:
    """Accuracy against the size of the image grid."""
    table = _table(f"{figures['system']} on other image grids", ["grid", "thr."])
    for label in TABLE1_COLUMNS.values():
        table.add_column(label, justify="right")
    for row in figures["grid_sizes"]:
        cells = [_number(row.get(figure)) for figure in TABLE1_COLUMNS]
        table.add_row(f"{row['rows']}x{row['cols']}", _number(row["threshold"]), *cells)
    console.print(table)
    for row in figures["grid_sizes"]:
        if row["note"]:
            console.print(f"{row['rows']}x{row['cols']}: {row['note']}", soft_wrap=True, highlight=False)


def _table(title: str, columns: list[str]) -> Any:
    from rich import box
    from rich.table import Table

    # Narrow, so that eight figures fit beside a name in 80 columns; where they do not, names fold and figures stay whole.
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _number(value: Any) -> str:
    from avloc_ros.evaluation.pages.page import number

    return number(value)


def _with_spread(cell: dict[str, Any] | None) -> str:
    """A mean over seeds, with their standard deviation where there are several."""
    from avloc_ros.evaluation.pages.page import with_spread

    return with_spread(cell)


def _interval(row: dict[str, Any] | None, key: str, form: str) -> str:
    """A value with its interval of 95 %."""
    if row is None:
        return "-"
    return f"{row[key]:{form}} [{row['low']:{form}}, {row['high']:{form}}]"
