"""The live table of speakers that `demo`, `live` and `replay` show in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from avloc_ros.nodes.watching.speaker_monitor import RECENT, SpeakerRow


def speaker_table(rows: Sequence[SpeakerRow], latencies_ms: Sequence[float], frames: int) -> Table:
    """One row per speaker; the title gives frames so far and the recent median latency."""
    latency = f"{np.median(latencies_ms[-RECENT:]):.0f} ms" if latencies_ms else "-"
    table = Table(title=f"speakers   {frames} frames   latency {latency}", title_justify="left", expand=False)
    for name in ("id", "azimuth", "elevation", "range", "speaking", "by"):
        table.add_column(name, justify="left" if name in ("id", "speaking", "by") else "right", min_width=8)
    for row in sorted(rows, key=lambda row: row.id):
        table.add_row(
            row.id,
            f"{row.azimuth_deg:+6.1f}°",
            f"{row.elevation_deg:+5.1f}°",
            "-" if math.isnan(row.range_m) else f"{row.range_m:.1f} m",
            speaking_bar(row),
            " + ".join(name for name, on in (("ear", row.heard), ("eye", row.seen)) if on) or "memory",
        )
    return table


def speaking_bar(row: SpeakerRow) -> Text:
    """A bar as long as the probability, green while the speaker is taken to speak."""
    filled = round(row.speaking_probability * 10)
    return Text("█" * filled + "·" * (10 - filled), style="bold green" if row.is_speaking else "dim")
