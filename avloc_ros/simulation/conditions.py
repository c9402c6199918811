"""Kinds of trouble that a scene may have, and how often each comes: `clean`, `noisy`, `dark`, `noisy_dark` and so on."""

from __future__ import annotations

from avloc_ros.types import InputError

VISUAL = ("dark", "blur", "glare", "occluded", "turned")
KNOWN = ("clean", "noisy", *VISUAL, *(f"noisy_{kind}" for kind in VISUAL))
NEEDS_A_FACE = ("occluded", "turned")  # trouble of one face: somebody has to be in the picture
# Every other scene has trouble that is local in space. Fixed turns, so that any number of scenes is nearly balanced.
TROUBLED = (
    "noisy", "dark", "noisy", "dark", "noisy_dark", "blur", "occluded", "noisy_glare",
    "noisy", "turned", "noisy_blur", "glare", "noisy_occluded", "noisy", "noisy_dark", "noisy_turned",
)  # fmt: skip
CONDITIONS = tuple(name for troubled in TROUBLED for name in ("clean", troubled))


def condition_of(index: int, wish: str | None) -> str:
    """The condition of scene number `index`: the wish, or the next in the fixed turns."""
    return wish or CONDITIONS[index % len(CONDITIONS)]


def is_noisy(condition: str) -> bool:
    """Whether the condition has trouble of the ear."""
    return "noisy" in condition.split("_")


def visual_kind(condition: str) -> str | None:
    """The trouble of the eye in a condition: one of VISUAL, or None."""
    kind = condition.split("_")[-1]
    return kind if kind in VISUAL else None


def check_condition(condition: str | None) -> None:
    """Raises InputError for a name that is not known; None is."""
    if condition is not None and condition not in KNOWN:
        raise InputError(f"condition '{condition}' is not known: take one of {', '.join(sorted(KNOWN))}")
