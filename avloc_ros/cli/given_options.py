"""Options on the command line: settings as NAME=VALUE, and options that do not go together."""

from __future__ import annotations

import argparse
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
        found[name] = yaml_value(text, f"--set {pair}")
    return found


def yaml_value(text: str, where: str) -> Any:
    """The value of a text on the command line: a number, true or false, a list in brackets, else a string.

    Raises InputError that begins with `where`, the option as it was given.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: '{text}' is no value that YAML can read; put it in quotes where it is a text") from error


def refuse(options: argparse.Namespace, names: Sequence[str], kind: str) -> None:
    """Raises InputError where an option is given that would have no effect with `kind`. names: as in the parsed options."""
    wrong = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name)]
    if wrong:
        raise InputError(f"{', '.join(wrong)}: not with {kind}")
