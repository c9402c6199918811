"""One thing that the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"  # works, but something is missing or slower than it could be
    FAIL = "fail"  # the live system cannot run


@dataclass(frozen=True)
class Finding:
    """What was checked, its state, what was found, and what to do about it."""

    name: str
    state: State
    found: str
    advice: str = ""
