"""Brings edited Python code, config and launch files into the environment, without a build. Seconds, not half a minute.

Usage: .venv/bin/python tools/sync_source.py
"""

from __future__ import annotations

import filecmp
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_generated(path: Path) -> bool:
    """Whether an installed file, given relative to the package, came from rosidl."""
    return path.parts[0] == "msg" or path.name.startswith(("avloc_ros_s__", "_avloc_ros_s"))


def never(path: Path) -> bool:
    """No file of this folder is generated."""
    return False


def files_of(folder: Path) -> set[Path]:
    """All files of a folder, relative to it, but for compiled Python."""
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def mirror(source: Path, target: Path, keep: Callable[[Path], bool]) -> int:
    """Makes target's files those of source, but for those to keep; returns how many changed."""
    wanted, present = files_of(source), files_of(target)
    gone = {path for path in present - wanted if not keep(path)}
    for path in gone:
        (target / path).unlink()
    stale = [p for p in wanted if p not in present or not filecmp.cmp(source / p, target / p, shallow=True)]
    for path in stale:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, target / path)  # with its time: that is what filecmp looks at first
    return len(gone) + len(stale)


def main() -> None:
    share = Path(sys.prefix) / "share" / "avloc_ros"
    changed = mirror(ROOT / "avloc_ros", Path(sysconfig.get_path("purelib")) / "avloc_ros", keep=is_generated)
    changed += sum(
        mirror(ROOT / folder, share / folder, keep=never)
        for folder in ("config", "launch")
        if (ROOT / folder).is_dir()
    )
    if changed:
        print(f"{changed} files brought into {sys.prefix}")


if __name__ == "__main__":
    main()
