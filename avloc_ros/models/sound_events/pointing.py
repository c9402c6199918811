"""Directions that were heard, drawn to what is seen there: attention from each multi-ACCDOA vector to the cells of the picture.

A vector of class c, of length s and direction d, looks for c near d: the weight of a cell at u is
softmax(logit_c(u) + k (u . d - 1) + a u . (z x d)), with one more place to look at, "nothing to be seen", which leaves the
vector as it is. a is positive for the first track, zero for the second and negative for the third: of two events of one class
that are heard as one, the first track takes the left one and the third track the right one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDES = (1.0, 0.0, -1.0)  # of the tracks: left, none, right
SHARPNESS = 2.0  # exp(2) (1 - cos) is 1 at 30 degrees
QUIET = 0.1  # where all vectors of a class are shorter, nobody asks where they point
PACE = 50.0  # so few and so large numbers are learnt faster than the weights of layers


class Pointing(nn.Module):
    """Vectors (batch, frames, tracks * 3 * classes) again, in the order track, axis, class. At first they are those it is given.

    Learnt per class: how near to what was heard something must be seen, and how that goes with the length of the vector; how
    likely it is that there is nothing to be seen; how far the tracks look to their sides; how far a vector is drawn (zero at
    first); how much longer it gets.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        names = ("sharpness", "sharpness_by_length", "doubt", "side", "drawn", "lengthened")
        self.learnt = nn.ParameterDict({name: nn.Parameter(torch.zeros(classes, 1, 1)) for name in names})
        self.register_buffer("sides", torch.tensor(SIDES)[:, None], persistent=False)

    def forward(self, vectors: Tensor, logits: Tensor, directions: Tensor) -> Tensor:
        """logits: (batch, looks, classes, rows, columns) of SeenEvents; directions: (batch, looks, rows, columns, 3), unit.

        Frames are a multiple of the looks: each look is that of as many frames.
        """
        batch, looks = logits.shape[:2]
        heard = vectors.view(batch, looks, -1, 3, self.classes).permute(0, 1, 4, 2, 3)  # (batch, looks, classes, queries, 3)
        chunk, look, which = (heard.square().sum(4).amax(3) > QUIET**2).nonzero(as_tuple=True)  # (asking,) each
        asking = heard[chunk, look, which]  # (asking, queries, 3)
        cells = directions.flatten(2, 3)[chunk, look]  # (asking, cells, 3); flat before: of nothing asking, ONNX flattens nothing
        pointed = self._pointed(asking, logits.flatten(3)[chunk, look, which], cells, which)
        told = heard.index_put((chunk, look, which), pointed)
        return told.permute(0, 1, 3, 4, 2).reshape(vectors.shape)

    def _pointed(self, heard: Tensor, logits: Tensor, cells: Tensor, classes: Tensor) -> Tensor:
        """Vectors (asking, queries, 3) drawn to cells at (asking, cells, 3) with logits (asking, cells); classes: (asking,)."""
        learnt = {name: PACE * value[classes] for name, value in self.learnt.items()}  # (asking, 1, 1)
        lengths = heard.norm(dim=2, keepdim=True).clamp(min=1e-6)
        near = (SHARPNESS + learnt["sharpness"] + learnt["sharpness_by_length"] * lengths).exp()
        sides = learnt["side"] * self.get_buffer("sides").repeat(heard.shape[1] // len(SIDES), 1)  # (asking, queries, 1)
        ahead = heard / lengths
        left = torch.stack([-ahead[..., 1], ahead[..., 0], torch.zeros_like(ahead[..., 0])], 2)
        scores = (near * ahead + sides * left) @ cells.transpose(1, 2) - near + logits[:, None]  # (asking, queries, cells)
        nothing = learnt["doubt"].expand(*heard.shape[:2], 1)
        weights = torch.cat([scores, nothing], 2).softmax(2)[..., :-1]  # (asking, queries, cells)
        seen, share = weights @ cells, weights.sum(2, keepdim=True)
        longer = 1.0 + learnt["lengthened"] * share
        return heard + learnt["drawn"] * (longer * lengths * seen - share * heard)
