"""Memory that a training on the CPU has used stays its own: a step makes the same large arrays as the one before."""

from __future__ import annotations

import ctypes
import sys

# glibc, malloc.h: what mallopt is told.
TRIM_THRESHOLD, LARGEST_MAPPINGS = -1, -4
NEVER = 2**31 - 1


def keep_memory() -> bool:
    """Ask the C library not to give large arrays back to the system when they are freed; whether it could be asked.

    Else each step gets its maps as fresh pages that the system fills with zeros first. The process keeps as much memory as it
    needed at most. Only glibc takes the request; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(LARGEST_MAPPINGS, 0) and mallopt(TRIM_THRESHOLD, NEVER))
