"""Many scenes: mixed rooms, and the same scenes over a cluster as in one process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.console import Console

from avloc_ros.simulation.batch import make_scenes
from avloc_ros.simulation.cluster import over_machines
from avloc_ros.simulation.mixture import is_measured
from avloc_ros.types import InputError


def _write(folder: Path, index: int) -> None:
    folder.mkdir()
    (folder / "number.txt").write_text(str(index))


def test_the_share_of_measured_rooms_is_kept_and_repeatable() -> None:
    chosen = [is_measured(3, index, 0.4) for index in range(2000)]
    assert sum(chosen) / 2000 == pytest.approx(0.4, abs=0.03)
    assert chosen == [is_measured(3, index, 0.4) for index in range(2000)]
    assert not any(is_measured(3, index, 0.0) for index in range(50))
    with pytest.raises(InputError, match="need 0 to 1"):
        is_measured(3, 0, 1.5)


def test_dask_is_asked_for_by_name_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="pip install distributed"):
        list(over_machines(str, [1], "tcp://localhost:1"))


def test_a_cluster_makes_the_same_scenes(tmp_path: Path) -> None:
    distributed = pytest.importorskip(
        "distributed", reason="scenes are spread over machines by dask.distributed"
    )
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        folders = make_scenes(
            _write, tmp_path / "c", 5, 1, Console(quiet=True), first=3, dask=cluster.scheduler_address
        )
    assert [(f.name, (f / "number.txt").read_text()) for f in folders] == [
        (f"scene000{n}", str(n)) for n in range(3, 8)
    ]


def half_a_scene(folder: Path, index: int) -> None:
    folder.mkdir()
    (folder / "audio.wav").touch()
    if index == 1:
        raise KeyboardInterrupt
    (folder / "scene.json").touch()


def test_an_interrupt_leaves_whole_scenes_only_and_the_rest_can_be_added(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_scenes(half_a_scene, tmp_path, 3, 1, Console(quiet=True))
    assert [path.name for path in tmp_path.iterdir()] == ["scene0000"]
    with pytest.raises(InputError, match="add scenes with --first 1"):
        make_scenes(half_a_scene, tmp_path, 3, 1, Console(quiet=True))
