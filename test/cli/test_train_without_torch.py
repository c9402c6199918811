"""Where torch or lightning is missing, `avloc train` names the extra that brings it."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
import scipy.stats  # noqa: F401  # while it is imported it trips over a torch that is None

from avloc_ros.cli.main import main


@pytest.mark.parametrize("missing", ["torch", "lightning"])
def test_the_extra_is_named(monkeypatch, tmp_path, capsys, missing):
    absent = [name for name in ("torch", "lightning") if name == missing or find_spec(name) is None]
    for name in [name for name in sys.modules if name.startswith(("avloc_ros.training", "avloc_ros.models.dsw"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["train", "dsw_tiny", "--out", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert "avloc-ros[train]" in said
    # a command that works: the package itself is on no index
    assert any(f"pip install {name} " in said for name in absent)
