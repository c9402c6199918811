"""Which voices and sounds of a folder may be learnt from, so that those that judge the result stay unheard.

Two sets are held out: the test split of `avloc simulate` (every third of the sorted names) and the one of the benchmarks
(every fourth). What is left trains, but for an eighth that validates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from avloc_ros.simulation.measured_rooms import share_of_split

VALIDATION_EVERY = 8


def talker_of(path: Path) -> str:
    """The speaker of a speech file: the name's part before the first hyphen."""
    return path.stem.split("-")[0]


def recording_of(path: Path) -> str:
    """The recording that a sound was cut from: the name without its last part."""
    return path.stem.rsplit("-", 1)[0]


def shares(
    files: Sequence[Path], group_of: Callable[[Path], str], test: Sequence[Path] = ()
) -> tuple[list[Path], list[Path]]:
    """(training, validation) of some files; files of one group stay together, test files are in neither.

    test: files that the test split takes by another rule than every third group; their groups are held out, too.
    """
    groups = sorted({group_of(path) for path in files})
    held_out = {group for number, group in enumerate(groups) if number % 4 == 3}
    held_out |= {path.name for path in share_of_split([Path(group) for group in groups], "test")}
    left = [group for group in groups if group not in held_out]
    validation = set(left[::VALIDATION_EVERY])
    tested = {group_of(path) for path in test}
    return (
        [path for path in files if group_of(path) in set(left) - validation - tested],
        [path for path in files if group_of(path) in validation - tested],
    )
