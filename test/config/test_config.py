"""Settings: dataclass, YAML and parameters say the same, and what does not fit is named."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from avloc_ros.config import cache_folder, from_mapping, setting, settings_of, to_mapping
from avloc_ros.parameter_file import ParameterBlock, load_parameters
from avloc_ros.types import InputError


@dataclass(frozen=True)
class Inner:
    gain: float = setting(1.0, "gain", low=0.0, high=2.0)
    sizes: tuple[int, ...] = setting((1, 2), "sizes")


@dataclass(frozen=True)
class Outer:
    count: int = setting(3, "count", low=1, high=5)
    mode: str = setting("a", "mode", choices=("a", "b"))
    inner: Inner = field(default_factory=Inner)


def test_nested_settings_are_flattened_and_come_back() -> None:
    assert [item.name for item in settings_of(Outer)] == ["count", "mode", "inner.gain", "inner.sizes"]
    changed = Outer(count=4, inner=Inner(gain=0.5, sizes=(3,)))
    assert from_mapping(Outer, to_mapping(changed)) == changed
    assert from_mapping(Outer, {"inner.gain": 2}).inner.gain == 2.0  # an integer is a number too


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"inner": {"gian": 1.0}}, "did you mean 'inner.gain'"),
        ({"count": 9}, "allowed: 1 to 5"),
        ({"count": True}, "needs a int"),
        ({"mode": "c"}, "allowed: a, b"),
        ({"inner.gain": math.nan}, "allowed: 0.0 to 2.0"),
        ({"inner.gain": "loud"}, "needs a float"),
    ],
)
def test_what_does_not_fit_is_named(values: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        from_mapping(Outer, values)


def test_blocks_of_a_parameter_file_win_in_order(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "/**/fusion:\n  ros__parameters: {a: 2, b: {c: 3}}\n/**:\n  ros__parameters: {a: 1, d: 4}\n"
        "other:\n  ros__parameters: {a: 9}\n"
    )
    assert load_parameters(path, "fusion") == {"a": 2, "b.c": 3, "d": 4}


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("/robot/fusion", ["/robot"], ["", "/other", "/robot/head"]),
        ("/*/fusion", ["/robot"], ["", "/robot/head"]),
        ("/**/fusion", ["", "/robot", "/robot/head"], []),
        ("/robot/**", ["/robot", "/robot/head"], ["", "/other"]),
        ("fusion", ["", "/robot"], []),  # more lenient than ROS, which would take the root namespace alone
        ("/fusion", [""], ["/robot"]),
        ("/**/other", [], ["", "/robot"]),
    ],
)
def test_a_block_holds_for_the_nodes_that_its_name_says(pattern: str, matching: list[str], others: list[str]) -> None:
    block = ParameterBlock(pattern, {})
    assert all(block.matches("fusion", namespace) for namespace in matching)
    assert not any(block.matches("fusion", namespace) for namespace in others)


def test_one_file_serves_two_robots(tmp_path: Path) -> None:
    path = tmp_path / "robots.yaml"
    path.write_text(
        "/first/fusion:\n  ros__parameters: {a: 1}\nsecond:\n  fusion:\n    ros__parameters: {a: 2, b: {c: 3}}\n"
    )
    assert load_parameters(path, "fusion", "first") == {"a": 1}
    assert load_parameters(path, "fusion", "/second/") == {"a": 2, "b.c": 3}
    assert load_parameters(path, "fusion", "") == {}


@pytest.mark.parametrize(("text", "words"), [("a: [", "not YAML"), ("- 1", "mapping")])
def test_files_that_are_none_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_parameters(path)
    with pytest.raises(InputError, match="no parameter file"):
        load_parameters(tmp_path / "none.yaml")


def test_the_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "avloc_ros"
