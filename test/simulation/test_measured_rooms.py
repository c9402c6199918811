"""Response names, and splits that share nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.simulation.measured_rooms import find_responses, parse_response, rooms_of_split, share_of_split
from avloc_ros.types import InputError


def _responses(rooms: dict[str, bool]) -> tuple:
    names = []
    for room, corners in rooms.items():
        names += [f"{room}_S{azimuth:03d}-{cm}_R1.flac" for azimuth in (0, 60, 120) for cm in (150, 200, 300)]
        names += [f"{room}_SBG{n}_R1.flac" for n in (1, 2)] if corners else []
    return tuple(parse_response(Path(name)) for name in sorted(names))


@pytest.mark.parametrize(
    ("label", "azimuth_deg"), [("000", 0.0), ("060", -60.0), ("120", -120.0), ("240", 120.0), ("300", 60.0)]
)
def test_label_is_clockwise_and_azimuth_is_not(label: str, azimuth_deg: float) -> None:
    response = parse_response(Path(f"Lab_Absorptive_000_S{label}-150_R1_FRL10cm_16k.flac"))
    assert response is not None
    assert np.rad2deg(response.azimuth_rad) == pytest.approx(azimuth_deg)
    assert response.distance_m == 1.5
    assert response.room == "Lab_Absorptive_000"


def test_corner_sources_have_no_direction() -> None:
    response = parse_response(Path("Lab_R_SBG3_R1.flac"))
    assert response is not None
    assert (response.corner, response.azimuth_rad, response.distance_m) == ("BG3", None, None)


def test_other_files_are_not_responses() -> None:
    assert parse_response(Path("README.txt")) is None
    assert parse_response(Path("room_left.wav")) is None


def test_folder_without_responses_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        find_responses(tmp_path)


def test_positions_of_the_splits_are_disjoint() -> None:
    responses = _responses({"A": True, "B": False, "C": True, "D": False})
    files = {
        split: {r.path for r in rooms_of_split(responses, split) if not r.corner}
        for split in ("train", "val", "test")
    }
    assert all(files.values())
    assert not files["train"] & files["val"]
    assert not files["test"] & (files["train"] | files["val"])
    rooms = {split: {r.room for r in rooms_of_split(responses, split)} for split in ("train", "test")}
    assert not rooms["train"] & rooms["test"]
    assert any(r.corner for r in rooms_of_split(responses, "test"))
    assert set(rooms_of_split(responses, "all")) == set(responses)


def test_one_room_cannot_be_split() -> None:
    with pytest.raises(InputError, match="second room"):
        rooms_of_split(_responses({"A": True}), "test")


def test_shares_are_disjoint_and_complete() -> None:
    items = [Path(f"talker{n}") for n in range(7)]
    shares = [share_of_split(items, split) for split in ("train", "val", "test")]
    assert sorted(p for share in shares for p in share) == items


def test_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="'dev' is not known"):
        share_of_split([], "dev")
