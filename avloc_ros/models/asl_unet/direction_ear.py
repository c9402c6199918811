"""In which direction somebody speaks, from beams under masks that know voices: one small network for all directions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MASKS = 12  # shares of a spectrum that are listened to apart
LOOKED = 16  # filters that draw them
REACH = 5  # spectra that the second filter along the directions sees
MAPS = 8  # of the answer at each direction, before it is weighed over time
NEAR = 10.0  # how sharply a beam has to be the best one of its bin, at first


class DirectionEar(nn.Module):
    """Whether somebody speaks in each beam's direction in the middle of a window: logits (batch, beams).

    A mean over wide bands hears noise in most of them. Here filters over time and frequency first draw masks of where a
    voice is; then the beams are averaged under each mask, as masked steered power is (Pertilä and Cakir 2017, "Robust
    direction estimation with convolutional neural networks based steered response power"), and so is how near each
    beam comes to the best one of its bin. Filters over directions and time do the rest.
    """

    def __init__(self, microphones: int, beams: int, bins: int, spectra: int, filters: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.microphones, self.beams = microphones, beams
        self.norm = nn.BatchNorm2d(microphones + 4)
        self.look = nn.Sequential(*_filters(microphones + 4, LOOKED, 3, 3), *_filters(LOOKED, LOOKED, 3, 3))
        self.masks = nn.Conv2d(LOOKED, MASKS, 1)
        self.bands = nn.Parameter(torch.zeros(MASKS, bins, 1))
        self.sharpness = nn.Parameter(torch.tensor(math.log(NEAR)))
        self.along = nn.Sequential(
            nn.BatchNorm2d(3 * MASKS),
            *_filters(3 * MASKS, filters, 3, 3),
            *_filters(filters, filters, 3, REACH),
            nn.Conv2d(filters, MAPS, 1),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(MAPS * spectra, 1)

    def forward(self, sound: Tensor) -> Tensor:
        """sound (batch, channels, bins, spectra): the microphones' features first, the beams last."""
        levels, beams = sound[:, : self.microphones], sound[:, -self.beams :]
        best = beams.amax(1, keepdim=True)
        masks = torch.sigmoid(self.masks(self.look(self.norm(_looked_at(levels, beams, best)))) + self.bands)
        heard = masks.sum(2, keepdim=True)  # (batch, MASKS, 1, spectra)
        shares = (masks / (heard + 1)).permute(0, 3, 1, 2)  # (batch, spectra, MASKS, bins)
        near = torch.exp((beams - best) * self.sharpness.exp())
        means = [shares @ maps.permute(0, 3, 2, 1) for maps in (beams, near)]  # (batch, spectra, MASKS, beams)
        much = (heard / masks.shape[2]).permute(0, 3, 1, 2).expand(-1, -1, -1, self.beams)
        along = self.along(torch.cat([*means, much], 2).permute(0, 2, 3, 1))  # (batch, MAPS, beams, spectra)
        return self.linear(self.dropout(along.transpose(1, 2).flatten(2)))[..., 0]


def _looked_at(levels: Tensor, beams: Tensor, best: Tensor) -> Tensor:
    """What masks are drawn from: (batch, microphones + 4, bins, spectra)."""
    loud = levels.mean(1, keepdim=True)
    return torch.cat([levels - loud, loud, loud - loud.mean(3, keepdim=True), best, beams.mean(1, keepdim=True)], 1)


def _filters(inputs: int, filters: int, rows: int, cols: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, filters, (rows, cols), padding=(rows // 2, cols // 2)), nn.BatchNorm2d(filters), nn.ReLU()
