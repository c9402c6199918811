"""The two consoles every sub-command prints on: results to stdout, trouble and progress to stderr."""

from __future__ import annotations

from rich.console import Console

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)
