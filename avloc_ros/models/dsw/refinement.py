"""The refinement network of DSW: removes outliers from the fused grid (docs/papers.md: dsw; Mao et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn


class Refinement(nn.Module):
    """RED-Net of `depth` convolutions and as many transposed ones, 3x3, with symmetric skips. Any grid size.

    c_1..c_n: conv, BatchNorm, ReLU. d_1 = convT(c_n); d_k = convT(ReLU(BN(d_(k-1) + c_(n+1-k)))) for k = 2..n: the skip is
    added to what the transposed convolution gave, before the rectification, as Mao et al. do. A 1x1 convolution ends
    it. Takes (batch, 1, rows, cols) and gives logits (batch, rows, cols).
    """

    def __init__(self, filters: int, depth: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(filters if index else 1, filters, 3, padding=1, bias=False),
                nn.BatchNorm2d(filters),
                nn.ReLU(),
            )
            for index in range(depth)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(filters, filters, 3, padding=1) for _ in range(depth))
        self.rectified = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(filters), nn.ReLU()) for _ in range(depth - 1)
        )
        self.out = nn.Conv2d(filters, 1, 1)

    def start_at_zero(self) -> None:
        """Say 0 everywhere before training, so that what is added to it starts as it was."""
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Logits (batch, rows, cols) of maps (batch, 1, rows, cols)."""
        kept: list[Tensor] = []
        for convolution in self.down:
            maps = convolution(maps)
            kept.append(maps)  # (batch, filters, rows, cols)
        decoded = self.up[0](kept[-1])
        for rectified, transposed, skip in zip(self.rectified, self.up[1:], kept[-2::-1], strict=True):
            decoded = transposed(rectified(decoded + skip))
        return self.out(decoded).squeeze(1)
