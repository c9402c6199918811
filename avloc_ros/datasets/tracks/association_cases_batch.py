"""The assignment problems of association_cases.py drawn and solved in torch, on the GPU where there is one."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.tracks.association_cases import QUANTUM, AssociationCasesConfig, sphere_points

TRIES = 4  # draws of a case's directions; the first is taken in which no two on one side are equal


class CaseDraw:
    """Draws (distances float32, matrix bool), both (cases, slots, slots); the same seed gives the same on one kind of device."""

    def __init__(self, config: AssociationCasesConfig, seed: int, device: torch.device) -> None:
        self.config, self.device = config, device
        self.generator = torch.Generator(device).manual_seed(seed)
        grids = [sphere_points(resolution) for resolution in config.resolutions_deg]
        sizes = np.array([len(grid) for grid in grids])
        self.points = torch.from_numpy(np.concatenate(grids)).to(device)  # float64 (points, 3)
        self.first = torch.from_numpy(np.r_[0, np.cumsum(sizes)[:-1]]).to(device)
        self.sizes = torch.from_numpy(sizes).to(device)
        orders = list(itertools.permutations(range(config.slots)))
        self.orders = torch.tensor(orders, device=device)  # (permutations, slots)
        several = [p for p in itertools.product(range(1, config.slots + 1), repeat=2) if sum(p) > 2]
        self.several = torch.tensor(several, device=device)

    def __call__(self, cases: int) -> tuple[Tensor, Tensor]:
        each, close = self.config.close_of, round(cases * self.config.close_share)
        distances, matrix, margin = self._draw(cases + close * (each - 1))
        even = cases - close
        closest = margin[even:].view(close, each).argmin(dim=1) + torch.arange(close, device=self.device) * each
        chosen = torch.cat([torch.arange(even, device=self.device), even + closest])
        return distances[chosen], matrix[chosen]

    def _draw(self, cases: int) -> tuple[Tensor, Tensor, Tensor]:
        """Distances, matrix, and what the cheapest other association costs more (cases,)."""
        config, slots = self.config, self.config.slots
        points = self._points(cases)  # (cases, 2, slots, 3)
        lengths = 0.2 + self._uniform(cases, slots, 1)
        longer = self._uniform(cases, 1, 1) < config.off_sphere_share
        predictions = points[:, 1] * torch.where(longer, lengths, 1.0)
        distances = (points[:, 0, :, None] - predictions[:, None]).square().sum(dim=-1).sqrt()
        filled = self._filled(self._counts(cases))
        real = filled[:, 0, :, None] & filled[:, 1, None, :]
        quantised = (torch.where(real, distances, config.far) / QUANTUM).round() * QUANTUM
        costs = quantised[:, torch.arange(slots, device=self.device), self.orders].sum(dim=2)  # (cases, permutations)
        every = self.orders[:, :, None] == torch.arange(slots, device=self.device)  # (permutations, slots, slots)
        best = costs.argmin(dim=1)  # (cases,)
        matrix = every[best] & real
        return quantised.float(), matrix, self._margin(costs, every, matrix, real)

    @staticmethod
    def _margin(costs: Tensor, every: Tensor, matrix: Tensor, real: Tensor) -> Tensor:
        lowest, margin = costs.amin(dim=1), torch.full_like(costs[:, 0], torch.inf)
        for cost, chosen in zip(costs.T, every, strict=True):
            other = ((chosen & real) != matrix).any(dim=2).any(dim=1)
            margin = torch.minimum(margin, torch.where(other, cost - lowest, torch.inf))
        return margin

    def _points(self, cases: int) -> Tensor:
        grid = torch.randint(len(self.sizes), (cases,), generator=self.generator, device=self.device)
        drawn = self._uniform(TRIES, cases, 2, self.config.slots) * self.sizes[grid][:, None, None]
        index = drawn.long()
        ordered = index.sort(dim=3).values
        twice = (ordered[..., 1:] == ordered[..., :-1]).any(dim=3).any(dim=2)  # (tries, cases)
        taken = twice.to(torch.int32).argmin(dim=0)
        chosen = index[taken, torch.arange(cases, device=self.device)]
        return self.points[self.first[grid][:, None, None] + chosen]

    def _counts(self, cases: int) -> Tensor:
        slots = self.config.slots
        even = torch.randint(slots + 1, (cases, 2), generator=self.generator, device=self.device)
        which = torch.randint(len(self.several), (cases,), generator=self.generator, device=self.device)
        hard = self._uniform(cases, 1) < self.config.hard_share
        return torch.where(hard, self.several[which], even)

    def _filled(self, counts: Tensor) -> Tensor:
        cases, slots = len(counts), self.config.slots
        filled = torch.arange(slots, device=self.device) < counts[:, :, None]  # (cases, 2, slots)
        shuffled = filled.gather(2, self._uniform(cases, 2, slots).argsort(dim=2))
        side = self._uniform(cases, 1, 1) < 0.5
        here = torch.stack([side, ~side], dim=1).view(cases, 2, 1)
        return torch.where(here, shuffled, filled)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device, dtype=torch.float64)
