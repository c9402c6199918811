"""Which of the names that are known was probably meant by one that is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LIMIT = 0.85  # of difflib's ratio: no two parameters of different nodes of ours are so alike (start_after_s, stale_after_s: .846)
UNITS = ("s", "ms", "m", "mps", "hz", "deg", "rad", "db", "px")


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that differs from `name` by a slip, or by its unit alone; "" where there is none.

    >>> meant("refine_filter", ["refine", "refine_filters"]), meant("sound_speed", ["sound_speed_mps"]), meant("by", ["name"])
    ('refine_filters', 'sound_speed_mps', '')
    """
    known = sorted(known)
    of_unit = [one for one in known if one in {f"{name}_{unit}" for unit in UNITS}]
    return next(iter(of_unit or difflib.get_close_matches(name, known, 1, LIMIT)), "")
