"""Directions of label frames become paths."""

from __future__ import annotations

import numpy as np

from avloc_ros.decode.direction_paths import PathsConfig, link_directions
from avloc_ros.geometry import angle_between, direction_from_angles


def at(azimuth_deg: float) -> np.ndarray:
    return direction_from_angles(np.radians(azimuth_deg), 0.1)


def test_what_stands_and_what_moves_are_two_paths_over_gaps():
    """One stands at 100 degrees and is not seen for a while, one passes from -60 to 0 and is seen in every frame."""
    seen = []
    for frame in range(30):
        here = [at(-60 + 2 * frame)] + ([at(100 + frame % 3)] if not 8 <= frame < 20 else [])
        seen.append((np.array(here), np.array([0.5, 1.0])[: len(here)]))
    moving, standing = sorted(link_directions(seen, PathsConfig()), key=lambda path: -path.seen.sum())
    assert moving.seen.all() and standing.seen.sum() == 18
    assert np.degrees(angle_between(moving.directions, np.array([at(-60 + 2 * f) for f in range(30)]))).max() < 0.1
    assert np.degrees(angle_between(standing.directions, at(101))).max() < 1.5  # held where it is not seen
    assert np.allclose([moving.share, standing.share], [15.0, 18.0])


def test_a_far_direction_after_a_gap_is_another_path():
    near = [(at(0)[None], np.ones(1))] * 5
    nothing = [(np.zeros((0, 3)), np.zeros(0))] * 8
    after = [(at(13)[None], np.ones(1))] * 5
    config = PathsConfig(step_deg=15.0, gap_frames=5, return_deg=10.0)
    assert len(link_directions(near + nothing + after, config)) == 2
    assert len(link_directions(near + nothing[:3] + after, config)) == 1
    assert len(link_directions(near + nothing + after, PathsConfig(gap_frames=8))) == 1


def test_directions_of_one_frame_that_are_nearly_the_same_are_one_and_the_largest_paths_are_kept():
    seen = [(np.array([at(0), at(6), at(90), at(180)]), np.array([0.4, 0.9, 0.3, 0.2]))] * 4
    paths = link_directions(seen, PathsConfig(most=2))
    assert [round(float(np.degrees(np.arctan2(*path.directions[0][1::-1])))) for path in paths] == [6, 90]
    assert link_directions([(np.zeros((0, 3)), np.zeros(0))] * 3, PathsConfig()) == []
