"""CLEAR MOT as a loss (Adavanne, Politis and Virtanen 2021), through a Hungarian network that is not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from avloc_ros.config import setting
from avloc_ros.models.diff_track.hungarian import FAR, HungarianNetwork
from avloc_ros.types import InputError


@dataclass(frozen=True)
class TrackingLossConfig:
    """Weights of the parts (docs/papers.md: diff_track)."""

    motp_weight: float = setting(1.0, "of the mean distance of associated pairs", low=0.0)
    mota_weight: float = setting(1.0, "of false positives, misses and identity switches", low=0.0)
    activity_weight: float = setting(10.0, "of the cross-entropy of the activities", low=0.0)
    association_frames: int = setting(
        1, "frames around each that its association is made of: CLEAR MOT keeps a pair that is in the gate still", low=1
    )
    quiet_distance: float = setting(
        0.0,
        "how much farther a track counts that is not active, beside one that is: CLEAR MOT matches what is reported",
        low=0.0,
        high=2.0,
    )


class References(NamedTuple):
    """What is true: directions (batch, frames, references, 3); active bool (batch, frames, references).

    identity: int (batch, frames, references), who is in the slot; None where every slot is one source all along.
    """

    directions: Tensor
    active: Tensor
    identity: Tensor | None = None


class TrackingParts(NamedTuple):
    """Scalars: total is their weighted sum."""

    total: Tensor
    motp: Tensor
    mota: Tensor
    activity: Tensor


class TrackingLoss(nn.Module):
    """Total = dMOTP + dMOTA + 10 * BCE(activity). Its Hungarian network is frozen.

    It is in training mode all along, which changes no answer of it: cuDNN has gradients of recurrent layers in no other.
    """

    def __init__(self, hungarian: HungarianNetwork, config: TrackingLossConfig | None = None) -> None:
        super().__init__()
        self.config = config or TrackingLossConfig()
        self.hungarian = hungarian.train().requires_grad_(False)

    def forward(self, directions: Tensor, activity: Tensor, references: References) -> TrackingParts:
        """directions (batch, frames, tracks, 3), activity logits (batch, frames, tracks).

        Raises InputError where tracks or references are not as many as the slots of the Hungarian network.
        """
        distances = distances_to_references(directions, references)  # (batch, frames, references, tracks)
        candidates = self.candidates(distances, activity, references)
        association = self.association(candidates, references.active)
        motp = (distances * association).sum() / association.sum().clamp(min=1e-6)
        mota = clear_mot_errors(association, torch.sigmoid(activity), references)
        wanted = (association.detach().amax(dim=2) > 0).to(activity.dtype)  # (batch, frames, tracks)
        heard = binary_cross_entropy_with_logits(activity, wanted)
        c = self.config
        return TrackingParts(
            c.motp_weight * motp + c.mota_weight * mota + c.activity_weight * heard, motp, mota, heard
        )

    def train(self, mode: bool = True) -> TrackingLoss:
        """As usual, but the Hungarian network stays in training mode."""
        super().train(mode)
        self.hungarian.train()
        return self

    def candidates(self, distances: Tensor, activity: Tensor, references: References) -> Tensor:
        """The distances that decide who belongs together, of the same shape: those of quiet tracks are longer, and each is
        the mean over the frames around it in which its reference is active."""
        c, active = self.config, references.active[..., None]  # (batch, frames, references, 1)
        if c.quiet_distance:
            quiet = torch.sigmoid(-activity.detach())[:, :, None]  # (batch, frames, 1, tracks)
            quieter = quiet - quiet.amin(dim=3, keepdim=True)  # than the most active one: the network knows distances up to 2
            distances = torch.where(active, distances + c.quiet_distance * quieter, distances)
        if c.association_frames > 1:
            heard = active.to(distances.dtype)
            total, count = (_window_sum(x, c.association_frames) for x in (distances * heard, heard))
            distances = torch.where(active, total / count.clamp(min=1), distances)
        return distances

    def association(self, distances: Tensor, active: Tensor) -> Tensor:
        """A = sigmoid(Hnet(D)) with entries up to 0.5 and empty references zeroed: (batch, frames, references, tracks)."""
        slots = self.hungarian.config.slots
        if distances.shape[2:] != (slots, slots):
            raise InputError(
                f"{distances.shape[2]} references and {distances.shape[3]} tracks for a Hungarian network of "
                f"{slots} x {slots}: train it with slots: {max(distances.shape[2:])}"
            )
        soft = torch.sigmoid(self.hungarian(distances.flatten(0, 1)).matrix).view_as(distances)
        return torch.where((soft > 0.5) & active[..., None], soft, 0.0)


def distances_to_references(directions: Tensor, references: References) -> Tensor:
    """Euclidean distances (batch, frames, references, tracks); FAR for a reference that is not active."""
    difference = references.directions[:, :, :, None] - directions[:, :, None]
    lengths = (difference.square().sum(dim=-1) + 1e-12).sqrt()  # a root without an infinite slope at zero
    return torch.where(references.active[..., None], lengths, FAR)


def clear_mot_errors(association: Tensor, activity: Tensor, references: References) -> Tensor:
    """dMOTA = (false positives + misses + switches) / references, over the whole batch; 1 - MOTA where all is 0 or 1.

    association (batch, frames, references, tracks); activity: probabilities (batch, frames, tracks), whose sum is the
    number of detections.
    """
    detections, count = activity.sum(dim=2), references.active.sum(dim=2).to(activity.dtype)  # (batch, frames)
    excess, lack = relu(detections - count).sum(), relu(count - detections).sum()
    return (excess + lack + identity_switches(association, references.identity)) / count.sum().clamp(min=1)


def identity_switches(association: Tensor, identity: Tensor | None = None) -> Tensor:
    """Sum of A_t (1 - A_before), where A_before is the reference's last association in the same sequence: a scalar.

    As CLEAR MOT counts: a birth is no switch, a reference found again under another track is one, and nothing is
    carried over from one sequence of the batch to the next, or to another source in the same slot.
    """
    found = association.amax(dim=3) > 0  # (batch, frames, references)
    frame = torch.arange(association.shape[1], device=association.device)[None, :, None]
    last = torch.where(found, frame, -1).cummax(dim=1).values
    last = torch.cat([torch.full_like(last[:, :1], -1), last[:, :-1]], dim=1)  # the last frame before this one; -1: none
    known, place = last >= 0, last.clamp(min=0)
    if identity is not None:
        changed = identity[:, 1:] != identity[:, :-1]
        owner = torch.cat([torch.zeros_like(last[:, :1]), changed.long().cumsum(dim=1)], dim=1)
        known = known & (owner.gather(1, place) == owner)
    before = association.gather(1, place[..., None].expand_as(association))
    return (association * (1 - before) * known[..., None]).sum()


def _window_sum(values: Tensor, frames: int) -> Tensor:
    """Sum over so many frames around each: (batch, frames, ...), zeros beyond the ends."""
    total = values.cumsum(dim=1)
    count, before = values.shape[1], (frames - 1) // 2
    last = (torch.arange(count, device=values.device) + frames - 1 - before).clamp(max=count - 1)
    first = torch.arange(count, device=values.device) - before - 1
    lower = torch.where((first >= 0).view(1, -1, *(1,) * (values.dim() - 2)), total[:, first.clamp(min=0)], 0.0)
    return total[:, last] - lower
