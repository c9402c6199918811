"""Tables of sound event classes: a network's class index is the place in its table."""

from __future__ import annotations

from collections.abc import Iterable

STARSS_CLASSES = (
    "female_speech", "male_speech", "clapping", "telephone", "laughter", "domestic_sounds", "footsteps", "door",
    "music", "musical_instrument", "water_tap", "bell", "knock",
)  # fmt: skip
L3DAS_CLASSES = (
    "chink_and_clink", "computer_keyboard", "cupboard_open_or_close", "drawer_open_or_close",
    "female_speech_and_woman_speaking", "finger_snapping", "keys_jangling", "knock", "laughter",
    "male_speech_and_man_speaking", "printer", "scissors", "telephone", "writing",
)  # fmt: skip


def table_of(names: Iterable[str]) -> tuple[str, ...]:
    """The table that classes of these names belong to: that of STARSS where it has them all, else the names, sorted."""
    given = sorted(set(names))
    return STARSS_CLASSES if set(given) <= set(STARSS_CLASSES) else tuple(given)


def class_names(count: int) -> tuple[str, ...]:
    """Names of a network's classes, by their number: those of STARSS (13), of L3DAS23 (14), else class0, class1, ..."""
    known = {len(STARSS_CLASSES): STARSS_CLASSES, len(L3DAS_CLASSES): L3DAS_CLASSES}
    return known.get(count) or tuple(f"class{number}" for number in range(count))
