"""The parts of `avloc bench` that run without ROS: every shipped recipe is measured, and the numbers hang together."""

from __future__ import annotations

import pytest

from avloc_ros.bench import event_costs as costs_module, rooms_at_once as rooms_module
from avloc_ros.bench.event_costs import RECIPES, event_costs
from avloc_ros.bench.rooms_at_once import RoomCost, RoomCosts, rooms_at_once


def test_every_event_recipe_is_measured_at_every_length(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(costs_module, "STREAMS", (1,))
    found = event_costs(1)
    assert {cost.recipe for cost in found} == set(RECIPES)
    assert {cost.chunk_s for cost in found if cost.recipe == "av_seld_small"} == set(costs_module.CHUNKS_S)
    assert all(min(cost.features_ms, cost.onnxruntime_ms, cost.torch_ms) > 0 for cost in found)


def test_rooms_are_counted_by_networks_and_by_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_module, "ROOMS", (1, 2))
    monkeypatch.setattr(rooms_module, "REPEATS", 3)
    found = rooms_at_once("cpu")
    assert [cost.rooms for cost in found.per_frame] == [1, 2]
    assert found.by_networks >= 1
    assert found.by_core >= 1


def test_rooms_that_fit_into_a_frame() -> None:
    costs = RoomCosts((RoomCost(1, 1.0, 4.0), RoomCost(8, 2.0, 6.0)), cpu_ms=10.0)
    assert costs.by_networks == 40  # 1 ms a room in the batch of eight
    assert costs.by_core == 4
