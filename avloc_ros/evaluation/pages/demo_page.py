"""The page in which a demo ends: every system has its own middle, and all have the same frame around it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FRAME = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>avloc demo: {{ system }}</title>
<style>
 body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
 video, img { width: 100%; border-radius: 6px; background: #eee }
 table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .3rem 1rem .3rem 0; text-align: left }
 td { font-variant-numeric: tabular-nums } th { font-weight: 500; color: #666 }
 pre { background: #f5f5f5; padding: 1rem; border-radius: 6px; overflow-x: auto; font-size: 13px }
</style>
{{ middle }}
{% if files %}<h2>Files</h2>
<table>
{% for name, meaning in files.items() %}
 <tr><th><a href="{{ name }}">{{ name }}</a></th><td>{{ meaning }}</td></tr>
{% endfor %}
</table>
{% endif %}<details><summary>All numbers as JSON</summary><pre>{{ raw }}</pre></details>
</html>
"""


def write_demo_page(
    folder: Path, system: str, middle: str, numbers: Mapping[str, Any], files: Mapping[str, str], **values: Any
) -> Path:
    """index.html in `folder`; returns its path.

    middle: template of what is the system's own, which sees `numbers` and `values`. files: names in the folder and what
    they hold.
    """
    from jinja2 import Environment  # an extra: a robot writes no reports
    from markupsafe import Markup

    environment = Environment(autoescape=True)
    inside = environment.from_string(middle).render(numbers=numbers, **values)
    page = environment.from_string(FRAME).render(
        system=system, middle=Markup(inside), files=files, raw=json.dumps(numbers, indent=2)
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path
