"""Settings on the command line: --set NAME=VALUE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from avloc_ros.types import InputError


def overrides_of(pairs: Sequence[str]) -> dict[str, Any]:
    """{dotted name: value as YAML reads it} of NAME=VALUE texts. Raises InputError on another form."""
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError(f"--set {pair}: need NAME=VALUE, like network.refine_filters=64")
        found[name] = yaml.safe_load(text)
    return found
