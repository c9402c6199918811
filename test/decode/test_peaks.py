"""Peaks against shapes whose maxima are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.peaks import find_peaks, peaks_of_frames, talkers_near
from avloc_ros.geometry import angle_between, cell_centres, direction_from_angles, image_grid, sphere_grid
from avloc_ros.types import InputError, Modality, SpeakerGrid


def grid_of(layout, values, threshold=0.1):
    return SpeakerGrid(0, layout, Modality.AUDIO, np.asarray(values, np.float32), threshold, "test")


def bump(layout, azimuth_rad, elevation_rad, width_rad=0.12):
    centres = cell_centres(layout)
    there = direction_from_angles(azimuth_rad, elevation_rad)
    angle = angle_between(direction_from_angles(centres[..., 0], centres[..., 1]), there)
    return np.exp(-0.5 * (angle / width_rad) ** 2)


def test_a_parabola_is_found_exactly_between_the_cells():
    layout = image_grid(720, 450)
    centres = cell_centres(layout)
    u, v = 301.0, 148.0
    values = 1 - ((centres[..., 0] - u) / 200) ** 2 - ((centres[..., 1] - v) / 200) ** 2
    (peak,) = find_peaks(grid_of(layout, np.clip(values, 0, 1)), 0.9)
    assert peak.u == pytest.approx(u, abs=1e-2) and peak.v == pytest.approx(v, abs=1e-2)


@pytest.mark.parametrize("azimuth_deg", [-179.9, -178, -90, 0, 33, 177, 179.9])
@pytest.mark.parametrize("elevation_deg", [-88, -40, 0, 21, 86, 90])
def test_one_talker_is_one_peak_anywhere_on_the_sphere(azimuth_deg, elevation_deg):
    layout = sphere_grid()
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    (peak,) = find_peaks(grid_of(layout, bump(layout, azimuth, elevation)), 0.3)
    error = angle_between(direction_from_angles(peak.u, peak.v), direction_from_angles(azimuth, elevation))
    assert np.degrees(error) < 1.5
    assert -np.pi <= peak.u < np.pi and abs(peak.v) <= np.pi / 2 + 1e-9


def test_two_talkers_across_the_seam_are_two_peaks_highest_first():
    layout = sphere_grid()
    first = bump(layout, np.radians(170), 0.0)
    second = 0.8 * bump(layout, np.radians(-165), 0.0)
    peaks = find_peaks(grid_of(layout, np.maximum(first, second)), 0.3)
    assert [round(float(np.degrees(peak.u))) for peak in peaks] == pytest.approx([170, -165], abs=1)


def test_neighbours_within_the_neighbourhood_are_one_detection_and_the_count_is_limited():
    layout = image_grid(720, 450)
    values = np.zeros(layout.shape)
    values[5, 5], values[5, 7], values[15, 20], values[10, 12] = 0.9, 0.8, 0.7, 0.6
    grid = grid_of(layout, values)
    assert [p.probability for p in find_peaks(grid, neighbourhood_cells=3)] == pytest.approx([0.9, 0.7, 0.6])
    assert len(find_peaks(grid, neighbourhood_cells=1)) == 4
    assert len(find_peaks(grid, max_peaks=2)) == 2


def test_a_flat_top_is_one_peak_and_an_empty_grid_has_none():
    layout = image_grid(720, 450)
    values = np.zeros(layout.shape)
    assert find_peaks(grid_of(layout, values), 0.0) == []
    values[3:5, 3:5] = 0.5
    assert len(find_peaks(grid_of(layout, values))) == 1


@pytest.mark.parametrize("azimuth_deg", [-178.0, 3.0, 91.0])
@pytest.mark.parametrize("height_error_deg", [4.0, 14.0])
def test_a_broad_peak_is_worth_as_much_as_a_narrow_one(azimuth_deg, height_error_deg):
    layout = sphere_grid()
    rng = np.random.default_rng(2)
    draws = rng.normal([azimuth_deg, 5.0], [3.0, height_error_deg], (4000, 2))
    centres = np.degrees(cell_centres(layout))
    near_u = np.abs((centres[None, 0, :, 0] - draws[:, None, 0] + 180) % 360 - 180) <= 5  # (draws, cols)
    near_v = np.abs(centres[None, :, 0, 1] - draws[:, None, 1]) <= 5  # (draws, rows)
    values = 0.8 * np.einsum("nr,nc->rc", near_v.astype(float), near_u.astype(float)) / len(draws)
    grid = grid_of(layout, values)
    peak = find_peaks(grid, 0.02, 1)
    expected = talkers_near(grid, peak, np.radians(12), np.radians(40))
    assert expected == pytest.approx([0.8], abs=0.05) and peak[0].probability < 0.8


def test_cells_count_for_the_nearest_peak_only():
    layout = sphere_grid()
    values = np.maximum(0.4 * bump(layout, 0.0, 0.0, 0.1), 0.2 * bump(layout, 0.6, 0.0, 0.1))
    grid = grid_of(layout, values)
    first, second = talkers_near(grid, find_peaks(grid, 0.05), 0.5, 0.5)
    assert first == pytest.approx(2 * second, rel=0.05)
    assert len(talkers_near(grid, [], 0.5, 0.5)) == 0


def test_a_wrong_shape_is_refused():
    with pytest.raises(InputError, match="layout says"):
        find_peaks(grid_of(image_grid(720, 450), np.zeros((3, 3))))


def slow_peaks(layout, values, threshold, most):
    """Cells in order of height; each kept unless a neighbour is higher or a kept cell is within two cell widths."""
    kept = []
    for row, col in sorted(np.ndindex(*values.shape), key=lambda cell: -values[cell]):
        if values[row, col] < threshold or len(kept) == most:
            break
        around = [
            values[r, c % layout.cols if layout.wraps else c]
            for r in (row - 1, row, row + 1)
            for c in (col - 1, col, col + 1)
            if 0 <= r < layout.rows and (layout.wraps or 0 <= c < layout.cols)
        ]
        if layout.wraps and row in (0, layout.rows - 1):  # beyond the pole
            half = layout.cols // 2
            around += [values[row, (col + half + step) % layout.cols] for step in (-1, 0, 1)]
        if values[row, col] < max(around):
            continue
        if all(apart(layout, (row, col), other) >= 2 - 1e-6 for other in kept):
            kept.append((row, col))
    return kept


def apart(layout, first, second):
    if not layout.wraps:
        return max(abs(first[0] - second[0]), abs(first[1] - second[1]))
    (az1, el1), (az2, el2) = (
        (layout.u_min + (c + 0.5) * layout.u_step, layout.v_min + (r + 0.5) * layout.v_step) for r, c in (first, second)
    )
    cosine = np.sin(el1) * np.sin(el2) + np.cos(el1) * np.cos(el2) * np.cos(az1 - az2)
    return np.arccos(np.clip(cosine, -1, 1)) / layout.v_step


@pytest.mark.parametrize("layout", [image_grid(720, 450, 10, 12), sphere_grid(18, 36)])
def test_peaks_of_many_frames_are_those_of_a_slow_search(layout):
    values = np.random.default_rng(2).random((6, *layout.shape))
    values[3] = 0.0  # a silent frame among others
    found = peaks_of_frames(layout, values, 0.6, 9)
    assert found[3] == []
    for frame, peaks in zip(values, found, strict=True):
        expected = slow_peaks(layout, frame, 0.6, 9)
        assert [p.probability for p in peaks] == [frame[cell] for cell in expected]
        for peak, (row, col) in zip(peaks, expected, strict=True):  # between the cells, never outside the own one
            offset = np.array([peak.u - layout.u_min, peak.v - layout.v_min]) / (layout.u_step, layout.v_step)
            offset -= np.array([col, row]) + 0.5
            if layout.wraps:
                offset[0] = (offset[0] + layout.cols / 2) % layout.cols - layout.cols / 2
            assert np.abs(offset).max() <= 0.5 + 1e-9
