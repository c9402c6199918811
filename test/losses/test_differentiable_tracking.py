"""The tracking loss against CLEAR MOT itself, with an assignment that is exact, and against slow loops."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from avloc_ros.datasets.tracks.association_cases import solve
from avloc_ros.evaluation.metrics.clear_mot import ClearMotScore
from avloc_ros.losses.differentiable_tracking import (
    References,
    TrackingLoss,
    TrackingLossConfig,
    clear_mot_errors,
    distances_to_references,
    identity_switches,
)
from avloc_ros.models.diff_track.hungarian import FAR, Associations, HungarianNetwork
from avloc_ros.types import InputError


class ExactAssignment(HungarianNetwork):
    """In place of the network: scipy-exact assignments, as sure logits."""

    def forward(self, distances):
        matrix = torch.from_numpy(solve(distances.detach().numpy())) * 40.0 - 20.0
        return Associations(matrix, matrix.amax(2), matrix.amax(1))


def random_scene(seed, batch=3, frames=30):
    """Two far-apart references per sequence, two tracks that follow them, swap at times and stray a little."""
    rng = np.random.default_rng(seed)
    places = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    directions = np.tile(places, (batch, frames, 1, 1)) + rng.normal(0, 0.02, (batch, frames, 2, 3))
    active = rng.random((batch, frames, 2)) < 0.8
    swapped = rng.random((batch, frames)) < 0.2
    tracks = directions + rng.normal(0, 0.05, directions.shape)
    tracks = np.where(swapped[..., None, None], tracks[:, :, ::-1], tracks)
    return torch.tensor(directions), torch.tensor(active), torch.tensor(tracks)


@pytest.mark.parametrize("seed", range(6))
def test_sure_answers_give_motp_and_mota_of_clear_mot(seed):
    directions, active, tracks = random_scene(seed)
    references = References(directions, active)
    distances = distances_to_references(tracks, references)
    loss = TrackingLoss(ExactAssignment())
    association = loss.association(distances, active)
    reported = (association.amax(dim=2) > 0).double()  # the tracks that belong to somebody are the active ones
    parts = loss(tracks, reported * 80 - 40, references)
    misses = switches = count = distance = matches = 0
    for sequence in range(len(active)):
        score = ClearMotScore(1.0)
        for frame in range(active.shape[1]):
            true = np.flatnonzero(active[sequence, frame].numpy())
            found = np.flatnonzero(reported[sequence, frame].numpy())
            score.step(list(true), list(found), distances[sequence, frame].numpy()[np.ix_(true, found)])
        counts = score.counts
        misses += counts.misses + counts.false_positives
        switches, count = switches + counts.switches, count + counts.references
        distance, matches = distance + counts.distance, matches + counts.matches
    assert switches > 0
    assert float(parts.motp) == pytest.approx(distance / matches, rel=1e-6)
    assert float(parts.mota) == pytest.approx((misses + switches) / count, rel=1e-6)
    assert float(parts.activity) == pytest.approx(0, abs=1e-9)
    assert float(parts.total) == pytest.approx(float(parts.motp + parts.mota), rel=1e-6)


def test_excess_and_lack_of_detections_count_over_the_true_number():
    references = References(torch.zeros(1, 2, 2, 3), torch.tensor([[[True, True], [False, True]]]))
    activity = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])  # one too few, then one too many
    errors = clear_mot_errors(torch.zeros(1, 2, 2, 2), activity, references)
    assert float(errors) == pytest.approx((1 + 1) / 3)


def one_reference(*tracks):
    """Association of one reference of two: in each frame with track 0, track 1, or nobody."""
    found = torch.zeros(1, len(tracks), 2, 2)
    for frame, track in enumerate(tracks):
        if track is not None:
            found[0, frame, 0, track] = 1.0
    return found


@pytest.mark.parametrize(
    ("tracks", "switches"),
    [((0, 0, 0), 0), ((0, 1, 1), 1), ((None, 0, 0), 0), ((0, None, 0), 0), ((0, None, 1), 1), ((0, 1, 0), 2)],
)
def test_switches_are_those_of_clear_mot(tracks, switches):
    assert float(identity_switches(one_reference(*tracks))) == switches


def test_switches_do_not_cross_sequences_nor_sources_in_one_slot():
    two = torch.cat([one_reference(0, 0), one_reference(1, 1)])
    assert float(identity_switches(two)) == 0
    other_source = torch.tensor([[[1, 5], [2, 5]]])
    assert float(identity_switches(one_reference(0, 1))) == 1
    assert float(identity_switches(one_reference(0, 1), other_source)) == 0


def test_soft_switches_agree_with_a_loop():
    rng = np.random.default_rng(0)
    soft = torch.tensor(rng.uniform(0.5, 1, (2, 8, 3, 3)) * (rng.random((2, 8, 3, 3)) < 0.3))
    total = 0.0
    for sequence in soft:
        for reference in range(3):
            last = None
            for frame in sequence:
                row = frame[reference]
                if last is not None:
                    total += float((row * (1 - last)).sum())
                last = row if row.max() > 0 else last
    assert float(identity_switches(soft)) == pytest.approx(total)


def test_gradients_reach_directions_and_activities_but_not_the_hungarian_network():
    torch.manual_seed(0)
    directions, active, tracks = (x.float() if x.is_floating_point() else x for x in random_scene(1))
    network = HungarianNetwork()
    network.output.bias.data += 3.0  # an untrained network associates nobody; this one everybody
    tracks, activity = tracks.requires_grad_(), torch.zeros(3, 30, 2, requires_grad=True)
    TrackingLoss(network)(tracks, activity, References(directions, active)).total.backward()
    assert tracks.grad.abs().sum() > 0 and activity.grad.abs().sum() > 0
    assert torch.isfinite(tracks.grad).all()
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())


def test_an_empty_batch_costs_nothing_but_false_activity():
    references = References(torch.zeros(1, 4, 2, 3), torch.zeros(1, 4, 2, dtype=torch.bool))
    parts = TrackingLoss(ExactAssignment())(torch.rand(1, 4, 2, 3), torch.full((1, 4, 2), -30.0), references)
    assert float(parts.motp) == 0 and float(parts.mota) == pytest.approx(0, abs=1e-6)
    assert (distances_to_references(torch.rand(1, 4, 2, 3), references) == FAR).all()


def test_more_tracks_than_slots_are_refused_with_the_way_out():
    references = References(torch.zeros(1, 4, 3, 3), torch.ones(1, 4, 3, dtype=torch.bool))
    with pytest.raises(InputError, match="train it with slots: 3"):
        TrackingLoss(HungarianNetwork())(torch.rand(1, 4, 3, 3), torch.zeros(1, 4, 3), references)


def test_candidates_are_means_over_the_frames_around_in_which_the_reference_is_active():
    rng = np.random.default_rng(4)
    distances = torch.tensor(rng.uniform(0, 2, (2, 9, 2, 2)))
    active = torch.tensor(rng.random((2, 9, 2)) < 0.6)
    references = References(torch.zeros(2, 9, 2, 3), active)
    distances = torch.where(active[..., None], distances, FAR)
    loss = TrackingLoss(HungarianNetwork(), TrackingLossConfig(association_frames=3))
    found = loss.candidates(distances, torch.zeros(2, 9, 2), references)
    for batch, frame, reference in np.ndindex(2, 9, 2):
        around = [k for k in (frame - 1, frame, frame + 1) if 0 <= k < 9 and active[batch, k, reference]]
        expected = distances[batch, around, reference].mean(0) if active[batch, frame, reference] else FAR
        np.testing.assert_allclose(found[batch, frame, reference], expected, atol=1e-9)


def test_a_quiet_track_is_no_candidate_where_another_is_about_as_near():
    """Both tracks are near the one reference; the nearer one says that it is silent."""
    east = torch.tensor([1.0, 0.0, 0.0]).expand(1, 4, 2, 3)
    active = torch.tensor([True, False]).expand(1, 4, 2)
    tracks = torch.nn.functional.normalize(east + torch.tensor([[0.0, 0.01, 0.0], [0.0, 0.1, 0.0]]), dim=-1)
    activity = torch.tensor([-6.0, 6.0]).expand(1, 4, 2)
    references = References(east, active)
    for quiet_distance, chosen in ((0.0, 0), (0.5, 1)):
        loss = TrackingLoss(ExactAssignment(), TrackingLossConfig(quiet_distance=quiet_distance))
        distances = loss.candidates(distances_to_references(tracks, references), activity, references)
        association = loss.association(distances, references.active)
        assert association[0, :, 0].argmax(dim=-1).tolist() == [chosen] * 4


def test_the_hungarian_network_stays_in_training_mode_and_frozen():
    """cuDNN gives gradients of recurrent layers in that mode only; the network has nothing that differs in it."""
    loss = TrackingLoss(HungarianNetwork())
    assert loss.eval().hungarian.training
    assert not any(p.requires_grad for p in loss.parameters())
