"""Faces on the grid: the cell of the centre, its neighbours' share, and the way back to the centre."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.types import Face, FaceDetections, InputError, Modality


def one_face(u: float, v: float, score: float = 0.8, size: tuple[int, int] = (720, 450)) -> FaceDetections:
    return FaceDetections(7, (Face(u - 20, v - 25, 40, 50, score),), size, "left_eye")


def test_the_cell_of_the_centre_has_the_score() -> None:
    grid = faces_to_grid(one_face(301, 100), 20, 24)  # cells of 30 x 22.5 pixels
    assert np.unravel_index(grid.probability.argmax(), (20, 24)) == (4, 10)
    assert grid.probability[4, 10] == pytest.approx(0.8)
    assert (grid.modality, grid.stamp_ns, grid.frame_id) == (Modality.VIDEO, 7, "left_eye")
    assert grid.probability.dtype == np.float32 and grid.probability.shape == (20, 24)


def test_binary_is_the_papers_rule() -> None:
    faces = FaceDetections(0, (Face(0, 0, 20, 20, 0.5), Face(700, 430, 20, 20, 0.9)), (720, 450))
    grid = faces_to_grid(faces, 20, 24, binary=True)
    expected = np.zeros((20, 24))
    expected[0, 0] = expected[19, 23] = 1
    np.testing.assert_array_equal(grid.probability, expected)


@pytest.mark.parametrize("v", [90.5, 101.0, 111.9])
@pytest.mark.parametrize("u", [300.0, 307.0, 315.0, 329.0])
def test_a_parabola_through_the_logarithm_finds_the_centre_again(u: float, v: float) -> None:
    values = np.log(
        faces_to_grid(one_face(u, v), 20, 24).probability[3:6, 9:12].astype(float)
    )  # around cell (4, 10)
    before, here, after = values[1]
    across = 0.5 * (before - after) / (before - 2 * here + after)
    before, here, after = values[:, 1]
    down = 0.5 * (before - after) / (before - 2 * here + after)
    assert (10.5 + across) * 30 == pytest.approx(u, abs=0.5)
    assert (4.5 + down) * 22.5 == pytest.approx(v, abs=0.5)


def test_neighbours_get_half_at_one_cell_and_nothing_far_away() -> None:
    grid = faces_to_grid(one_face(315, 101.25, 1.0), 20, 24)  # the middle of cell (4, 10)
    assert grid.probability[4, [9, 11]] == pytest.approx([0.5, 0.5])
    assert grid.probability[[3, 5], 10] == pytest.approx([0.5, 0.5])
    assert grid.probability[4, 12] == pytest.approx(0.5**4)
    assert grid.probability[4, 13] == 0
    assert np.count_nonzero(faces_to_grid(one_face(315, 101), 20, 24, spread_cells=0).probability) == 1


def test_the_stronger_of_two_faces_stands_and_none_gives_zeros() -> None:
    both = FaceDetections(0, (one_face(315, 100, 0.4).faces[0], one_face(317, 101, 0.9).faces[0]), (720, 450))
    assert faces_to_grid(both, 20, 24).probability.max() == pytest.approx(0.9)
    assert faces_to_grid(FaceDetections(0, (), (720, 450))).probability.max() == 0
    assert faces_to_grid(one_face(800, 100)).probability.max() == 0


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="spread"):
        faces_to_grid(one_face(1, 1), spread_cells=-1)
    with pytest.raises(InputError, match="0x24"):
        faces_to_grid(one_face(1, 1), rows=0)
