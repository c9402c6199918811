"""Where torch or lightning is missing, `avloc train` names the extra that brings it."""

from __future__ import annotations

import sys

import pytest

from avloc_ros.cli.main import main


@pytest.mark.parametrize("missing", ["torch", "lightning"])
def test_the_extra_is_named(monkeypatch, tmp_path, capsys, missing):
    for name in [name for name in sys.modules if name.startswith(("avloc_ros.training", "avloc_ros.models.dsw"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["train", "dsw_tiny", "--out", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert "avloc-ros[train]" in said
    assert f"pip install {missing} " in said  # a command that works: the package itself is on no index
