"""Prints the requirements of the package and of some of its extras, as pyproject.toml has them.

Usage: python tools/print_requirements.py cpu,sim,test
"""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib  # Python 3.10 has no reader of its own, every pip carries one

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = sys.argv[1].split(",")
    requirements = [
        *project["dependencies"],
        *(line for name in extras for line in project["optional-dependencies"][name]),
    ]
    print("\n".join(dict.fromkeys(requirements)))


if __name__ == "__main__":
    main()
