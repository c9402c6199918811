"""ADPIT against a search over all ways to share events among tracks, and its labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.datasets.events.adpit_labels import adpit_labels
from avloc_ros.sources.dcase_csv import EventRow

torch = pytest.importorskip("torch")


def brute_force(output, events, classes):
    """Mean over frames and classes of the smallest MSE over all maps of 3 tracks onto the frame's events of a class."""
    frames = len(output)
    tracks = output.reshape(frames, 3, 3, classes)
    total = 0.0
    for f in range(frames):
        for k in range(classes):
            true = [r.direction for r in events if (r.frame, r.class_index) == (f, k)][:3]
            maps = [m for m in itertools.product(range(len(true)), repeat=3) if len(set(m)) == len(true)]
            wanted = [np.stack([true[i] for i in m]) for m in maps] or [np.zeros((3, 3))]
            total += min(((tracks[f, :, :, k] - w) ** 2).mean() for w in wanted)
    return total / (frames * classes)


def random_events(rng, frames, classes):
    rows = []
    for f, k in itertools.product(range(frames), range(classes)):
        for source in range(int(rng.integers(0, 5))):
            rows.append(EventRow(f, k, source, rng.uniform(-180, 180), rng.uniform(-80, 80)))
    rng.shuffle(rows)
    return rows


def test_the_loss_is_that_of_the_best_assignment():
    from avloc_ros.losses.adpit import ASSIGNMENTS, adpit_loss

    assert sum(len(group) for group in ASSIGNMENTS) == 13
    rng = np.random.default_rng(2)
    for _ in range(10):
        events = random_events(rng, 5, 4)
        output = rng.uniform(-1, 1, (5, 3 * 3 * 4))
        labels = adpit_labels(events, 5, 4)
        loss = adpit_loss(torch.tensor(output)[None], torch.tensor(labels, dtype=torch.float64)[None])
        assert loss.item() == pytest.approx(brute_force(output, events, 4), abs=1e-6)


def test_the_true_tracks_in_any_order_cost_nothing():
    from avloc_ros.losses.adpit import adpit_loss

    events = [EventRow(0, 1, s, a, 0) for s, a in enumerate((0, 90))]
    labels = torch.tensor(adpit_labels(events, 1, 2))[None]
    output = torch.zeros(1, 1, 3, 3, 2)
    for track, azimuth in enumerate((90, 0, 90)):
        output[0, 0, track, :, 1] = torch.tensor(EventRow(0, 1, 0, azimuth, 0).direction)
    assert adpit_loss(output.reshape(1, 1, -1), labels).item() == pytest.approx(0, abs=1e-12)
    assert adpit_loss(0 * output.reshape(1, 1, -1), labels).item() == pytest.approx(1 / 3 / 2)


def test_labels_stand_in_the_place_of_their_number():
    events = [EventRow(12, 0, 0, 0, 0), EventRow(12, 1, 0, 90, 0), EventRow(12, 1, 1, 180, 0)]
    events += [EventRow(13, 2, s, 0, 90) for s in range(4)] + [EventRow(99, 0, 0, 0, 0)]
    labels = adpit_labels(events, 5, 3, first_frame=10)
    assert labels.shape == (5, 6, 4, 3)
    assert labels[2, :, 0].T.tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0] * 6]
    assert labels[3, :, 0, 2].tolist() == [0, 0, 0, 1, 1, 1] and labels.sum(dtype=float) == pytest.approx(
        (1 + 1) + (1 + 1) + (1 - 1) + 3 * (1 + 1)
    )
    assert labels[2, 2, 1:, 1] == pytest.approx([-1, 0, 0], abs=1e-6)
