"""One HTML page of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avloc_ros.evaluation.pages.page_sections import SECTIONS

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>avloc evaluate: {{ m.system }}</title>
<style>
 body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #212529; }
 table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
 th, td { padding: .3rem .7rem; border-bottom: 1px solid #dee2e6; text-align: right; white-space: nowrap; }
 th:first-child, td:first-child { text-align: left; }
 img { max-width: 100%; } code { background: #f1f3f5; padding: .1rem .3rem; } .no, .paper { color: #868e96; }
</style></head><body>
<h1>{{ m.system }}: {{ m.inputs | length }} recordings, {{ m.frames }} frames</h1>
<p><code>{{ m.command }}</code></p>
{{ sections.table1 }}
<h2>All figures</h2>
<table><tr><th>system</th>{% for name, label in columns %}<th>{{ label }}</th>{% endfor %}</tr>
{% for system, figures in systems.items() %}<tr><td>{{ system }}</td>
{% for name, label in columns %}<td>{{ figures[name] | n }}</td>{% endfor %}</tr>{% endfor %}</table>
{{ sections.differences }}
{% for plot in plots %}<p><img src="{{ plot }}" alt="{{ plot }}"></p>{% endfor %}
{{ sections.grid_sizes }}
{{ sections.splits }}
<h2>Per recording</h2>
<table><tr><th>recording</th>{% for name, label in columns %}<th>{{ label }}</th>{% endfor %}</tr>
{% for name, figures in m.inputs.items() %}<tr><td>{{ name }}</td>
{% for key, label in columns %}<td>{{ figures[key] | n }}</td>{% endfor %}</tr>{% endfor %}</table>
<p>Processing per frame: median {{ m.latency_ms.p50 | n }} ms, p95 {{ m.latency_ms.p95 | n }} ms, p99
{{ m.latency_ms.p99 | n }} ms on {{ m.machine.processor }} ({{ m.machine.cores }} cores). LE, FR, FP: frames of 40 ms,
2 frames around each change of the true count left out of FR and FP. The numbers are in <a href="metrics.json">metrics.json</a>,
the reports in <a href="tracks.csv">tracks.csv</a>.</p>
</body></html>
"""

COLUMNS = (
    ("le_px_mean", "LE px"), ("le_px_median", "median"), ("le_cell_px_mean", "LE cells px"), ("frame_recall", "FR"),
    ("frame_recall_strict", "FR strict"), ("false_positives", "FP"), ("azimuth_error_deg_median", "azimuth median deg"),
    ("azimuth_within_10deg", "within 10 deg"), ("count_accuracy", "count right"), ("false_per_frame", "false / frame"),
    ("onset_delay_s_median", "onset s"), ("onset_delay_s_p90", "onset p90 s"), ("mota", "MOTA"),
    ("id_switches", "id switches"), ("fragmentations", "fragments"),
)  # fmt: skip


def write_page(path: Path, metrics: dict[str, Any], plots: list[str]) -> Path:
    """Write the page beside its plots; returns its path."""
    from jinja2 import Environment  # an extra: a robot writes no reports

    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters |= {"n": number, "spread": with_spread, "label": lambda name: name.replace("_", " ")}
    systems = metrics.get("systems", {metrics["system"]: metrics})
    about = {"m": metrics, "systems": systems, "columns": COLUMNS, "plots": plots}
    sections = {name: _safe(environment, text, about) for name, text in SECTIONS.items()}
    page = environment.from_string(TEMPLATE).render(**about, sections=sections)
    path.write_text(page, encoding="utf-8")
    return path


def number(value: Any) -> str:
    """A figure as it is read: three digits, a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def with_spread(cell: dict[str, Any] | None) -> str:
    """A mean over seeds, with their standard deviation where there are several."""
    if cell is None:
        return "-"
    return number(cell["mean"]) + (f" ± {number(cell['sd'])}" if cell["sd"] is not None else "")


def _safe(environment: Any, text: str, about: dict[str, Any]) -> Any:
    """A rendered section, escaped once."""
    from markupsafe import Markup

    return Markup(environment.from_string(text).render(**about))
