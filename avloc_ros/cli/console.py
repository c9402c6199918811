"""The two consoles every sub-command prints on: results to stdout, trouble and progress to stderr."""

from __future__ import annotations

from rich.console import Console

# No markup: advice such as pip install 'name[extra]', and what users call their files, hold square brackets.
console = Console(highlight=False, markup=False)
error_console = Console(stderr=True, highlight=False, markup=False)
