"""Maps of many rooms at once, each with an array of its own: what MaskedMaps gives room by room, in a few large products.

Steering is computed where it is used, cosines and sines of all bins, instead of once per array in a smaller space of
delays: on a GPU that is cheaper than to keep it, and nothing has to be prepared for a room.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from avloc_ros.features.inputs.any_array_layout import COLS, HOPS, LOWEST_HZ, MAP_ROWS, map_directions
from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS
from avloc_ros.models.any_array.maps import ASSUMED_RANGE_M, MaskedMaps


class BatchedMaps:
    """The maps of a MaskedMaps, whose buffers it uses, for batches of examples with arrays of their own."""

    def __init__(self, maps: MaskedMaps, frequencies_hz: Tensor) -> None:
        """frequencies_hz (bins,), on the CPU."""
        device = maps.decay.device
        self.maps = maps
        self.used = slice(int((frequencies_hz < LOWEST_HZ).sum()), len(frequencies_hz))  # bins that masks let through
        self.turn = (2 * math.pi * frequencies_hz[self.used]).float().to(device)  # radians per second of delay
        self.spread, self.fixed = (part[:, self.used] for part in (maps.spread, maps.fixed))
        self.points_m = torch.as_tensor(map_directions() * ASSUMED_RANGE_M, dtype=torch.float32, device=device)
        self.of_mask = maps.masks.tolist()

    def __call__(
        self, phases: Tensor, masks: Tensor, positions_m: Tensor, pairs: Tensor, is_pair: Tensor, at: Tensor
    ) -> tuple[Tensor, Tensor]:
        """phases: complex (batch, channels, hops, bins); masks: (batch, hops, LEARNT, BANDS); positions_m: (batch, channels,
        3); pairs (batch, pairs, 2), of which is_pair (batch, pairs) count; at: (n,) frames ->

        maps (batch, n, maps, MAP_ROWS, COLS), facts (batch, n, FACTS).
        """
        sums, weights = self.sums_under_masks(self.cross(phases, pairs, is_pair), masks)
        decay = self.maps.decay[:, at]  # (maps, n, frames)
        vectors = torch.stack([decay[k] @ sums[mask] for k, mask in enumerate(self.of_mask)], dim=1)
        vectors = vectors.permute(0, 3, 1, 2, 4).flatten(3)  # (batch, n, maps, pairs * 2 bins)
        amount = torch.einsum("mts,bsm->btm", decay, weights[..., self.of_mask])  # (batch, n, maps)
        steered = vectors.flatten(1, 2) @ self.steering(positions_m, pairs).flatten(1, 2)
        count = is_pair.sum(1).float()[:, None, None]  # (batch, 1, 1)
        maps = steered.unflatten(1, (len(at), -1)) / (count[..., None] * amount[..., None] + 1e-6)
        share = torch.log10(amount / (self.maps.length * HOPS * self.maps.bins) + 1e-3)
        about = torch.cat([torch.log2(count) / 4, torch.log(aperture(positions_m, pairs, is_pair) / 0.1)[:, None, None]], 2)
        facts = torch.cat([about.expand(-1, len(at), -1), share, 5 * maps.std(-1)], dim=2)
        return maps.unflatten(-1, (MAP_ROWS, COLS)), facts

    def cross(self, phases: Tensor, pairs: Tensor, is_pair: Tensor) -> Tensor:
        """Whitened cross spectra complex (batch, pairs, frames, HOPS, used bins), 0 where there is no pair."""
        which = torch.arange(len(phases), device=phases.device)[:, None]
        used = phases[..., self.used]
        found = used[which, pairs[..., 0]] * used[which, pairs[..., 1]].conj()
        return (found * is_pair[..., None, None]).unflatten(2, (-1, HOPS))

    def sums_under_masks(self, cross: Tensor, masks: Tensor) -> tuple[list[Tensor], Tensor]:
        """Per mask, cross spectra summed over the hops of each frame (batch, pairs, frames, 2 used bins); what each mask
        let through (batch, frames, masks).
        """
        learnt = (masks @ self.spread).unflatten(1, (-1, HOPS))  # (batch, frames, HOPS, LEARNT, bins)
        everything = cross.sum(3)
        sums = [(cross * mask[:, None]).sum(3) for mask in learnt.unbind(3)] + [everything * mask for mask in self.fixed]
        fixed_weights = HOPS * self.fixed.sum(-1).expand(*learnt.shape[:2], -1)
        weights = torch.cat([learnt.sum((2, 4)), fixed_weights], dim=2)
        return [torch.view_as_real(part).flatten(-2) for part in sums], weights

    @torch.no_grad()
    def steering(self, positions_m: Tensor, pairs: Tensor) -> Tensor:
        """(batch, pairs, 2 used bins, cells): cosine and sine of each bin in turn, as view_as_real has them."""
        distances_m = (self.points_m - positions_m[:, :, None]).norm(dim=-1)  # (batch, channels, cells)
        which = torch.arange(len(pairs), device=pairs.device)[:, None]
        delays_s = (distances_m[which, pairs[..., 1]] - distances_m[which, pairs[..., 0]]) / SPEED_OF_SOUND_MPS
        phase = delays_s[:, :, None] * self.turn[:, None]  # (batch, pairs, bins, cells)
        return torch.stack([phase.cos(), phase.sin()], dim=3).flatten(2, 3)


def aperture(positions_m: Tensor, pairs: Tensor, is_pair: Tensor) -> Tensor:
    """Largest distance (batch,) of two microphones of any pair, metres, at least a millimetre."""
    which = torch.arange(len(pairs), device=pairs.device)[:, None]
    apart = (positions_m[which, pairs[..., 0]] - positions_m[which, pairs[..., 1]]).norm(dim=-1) * is_pair
    return apart.amax(1).clamp(min=1e-3)
