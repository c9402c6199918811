"""Stacking as in Figure 1 of the CoLoC report."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.datasets.events.stacked_tracks import stack_tracks
from avloc_ros.sources.dcase_csv import EventRow

# Figure 1: tracks T0..T4 with class and frames; sources number them in the order that the figure piles them up.
TRACKS = [(8, range(3, 6)), (11, range(6, 8)), (3, range(0, 5)), (7, range(2, 7)), (3, range(1, 3))]
STACKED = [[3, 3, 3, 8, 8, 8, 11, 11], [13, 3, 7, 3, 3, 7, 7, 13], [13, 13, 3, 7, 7, 13, 13, 13]]


class FigureOrder:
    """A `random` order that is that of the figure: tracks begin as T2, T4, T3, T0, T1."""

    def permutation(self, count):
        assert count == 5
        return np.array([2, 4, 3, 0, 1])


def figure_rows():
    return [EventRow(f, k, t, 30.0 * t, 0.0) for t, (k, frames) in enumerate(TRACKS) for f in frames]


def test_figure_one():
    stacked = stack_tracks(figure_rows(), 8, 3, 13, order=FigureOrder())
    assert stacked.classes.tolist() == STACKED
    assert (np.abs(stacked.directions).sum(-1) > 0).tolist() == (stacked.classes < 13).tolist()


def test_rows_have_no_holes_and_directions_belong_to_their_class():
    rows = figure_rows()
    for seed in range(5):
        stacked = stack_tracks(rows, 8, 3, 13, order=np.random.default_rng(seed))
        active = stacked.classes < 13
        assert not (active[1:] & ~active[:-1]).any()  # nothing above an empty row
        for row, frame in np.argwhere(active):
            true = [
                r.direction for r in rows if (r.frame, r.class_index) == (frame, stacked.classes[row, frame])
            ]
            assert min(np.abs(stacked.directions[row, frame] - d).max() for d in true) < 1e-6
    orders = {
        stack_tracks(rows, 8, 3, 13, order=np.random.default_rng(s)).classes.tobytes() for s in range(10)
    }
    assert len(orders) > 1


def test_a_chunk_starts_at_its_first_frame_and_the_lid_holds():
    rows = [EventRow(f, k, 0, 40.0 * k, 0) for f in range(10, 14) for k in range(5)]
    stacked = stack_tracks(rows, 3, 3, 13, first_frame=12)
    assert stacked.classes.tolist() == [[0, 0, 13], [1, 1, 13], [2, 2, 13]]
    assert stacked.directions[1, 0] == pytest.approx(rows[1].direction, abs=1e-6)


def test_silence_stacks_to_nothing():
    stacked = stack_tracks([], 4, 3, 13)
    assert not stacked.directions.any() and (stacked.classes == 13).all()
