"""Auxiliary duplicating permutation invariant training, class by class (Shimada et al. 2022, Eq. 3..5).

Three tracks serve one to three events of a class. With fewer events than tracks an event stands on several tracks, so
that no track is taught silence while its class sounds: 1 + 6 + 6 = 13 assignments, of which the best one counts.
"""

from __future__ import annotations

from itertools import permutations, product

import torch

TRACKS = 3
# Places of the label (A0; B0, B1; C0, C1, C2) that the three tracks are compared with, by number of events.
ASSIGNMENTS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((0, 0, 0),),
    tuple(choice for choice in product((1, 2), repeat=TRACKS) if set(choice) == {1, 2}),
    tuple(permutations((3, 4, 5))),
)


def adpit_loss(output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the best assignment per frame and class, a scalar.

    output: (batch, frames, tracks * 3 * classes), order (track, axis, class). labels: (batch, frames, 6, 4, classes) of
    datasets.events.adpit_labels. A class that is silent in a frame has only zeros for its target.
    """
    batch, frames, _, _, classes = labels.shape
    tracks = output.reshape(batch, frames, TRACKS, 3, classes)
    vectors = labels[:, :, :, :1] * labels[:, :, :, 1:]  # (batch, frames, 6, 3, classes)
    # A frame and class has events in one of the three groups at most: the others are zero, and adding their first
    # assignment turns every candidate into a target that holds all of the truth.
    targets = [[vectors[:, :, list(choice)] for choice in group] for group in ASSIGNMENTS]
    errors = []
    for index, group in enumerate(targets):
        others = sum(other[0] for k, other in enumerate(targets) if k != index)
        errors += [(tracks - target - others).square().mean((2, 3)) for target in group]
    return torch.stack(errors).amin(0).mean()  # (13, batch, frames, classes) -> best -> mean
