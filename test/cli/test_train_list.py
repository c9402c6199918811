"""`avloc train list` and what it needs: no torch, and a file for every family of recipes."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from avloc_ros.training.recipes import KINDS, shipped_recipes


def test_list_prints_every_recipe_with_its_first_comment_and_needs_no_torch():
    code = (
        "import sys; from avloc_ros.cli.main import main; assert main(['train', 'list']) == 0;"
        "print([m for m in ('torch', 'lightning') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *lines, heavy = answer.stdout.splitlines()
    assert heavy == "[]"
    assert [line.split()[0] for line in lines] == list(shipped_recipes())
    for line, path in zip(lines, shipped_recipes().values(), strict=True):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# ") and line.split(maxsplit=1)[1] == first[2:]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_run_by_a_file_of_its_family(kind):
    family = importlib.import_module(f"avloc_ros.cli.training_runs.{KINDS[kind].run}")
    assert callable(family.run)
