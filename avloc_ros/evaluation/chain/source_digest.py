"""Which code a result came from: a digest of a module's source and of all modules of this package that it imports."""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

PACKAGE = "avloc_ros"
ROOT = Path(__file__).resolve().parents[2]
DATA_SUFFIXES = (".npz", ".onnx")  # small networks that lie beside their code


@lru_cache(maxsize=32)
def source_digest(module: str) -> str:
    """sha256 over the source files of `module` and its imports, deferred ones too, and the data files of their rooms."""
    files = source_files(module)
    rooms = sorted({path.parent for path in files})
    data = sorted(path for room in rooms for path in room.iterdir() if path.suffix in DATA_SUFFIXES)
    digest = hashlib.sha256()
    for path in [*files, *data]:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def source_files(module: str) -> list[Path]:
    """Source files of a module and of what it imports from this package, directly or not, sorted."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _file_of(waiting.pop())
        if path is None or path in found:
            continue
        found.add(path)
        waiting += _imports_of(path)
    return sorted(found)


def _file_of(module: str) -> Path | None:
    """The source file of a dotted name below this package; None for names that are no module."""
    below = Path(*module.split(".")[1:])
    for path in (ROOT / below.with_suffix(".py"), ROOT / below / "__init__.py"):
        if module.startswith(PACKAGE + ".") and path.is_file():
            return path
    return None


def _imports_of(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.startswith(PACKAGE + ".")]
