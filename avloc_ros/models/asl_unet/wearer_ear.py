"""Whether the wearer speaks, from how loud each microphone is in few bands over time: when in the window counts."""

from __future__ import annotations

from torch import Tensor, nn

from avloc_ros.models.asl_unet.line_filters import filters_along

BANDS = 16  # averages over frequency
REACH = 5  # spectra that one filter sees
MAPS = 8  # of the answer, before it is weighed over time


class WearerEar(nn.Module):
    """The wearer's activity in the middle of a window: logits (batch, 2) of silent and speaking.

    A ResNet that averages over its maps knows that somebody spoke within the window but hardly when, and errs around the
    begin and end of what the wearer says; here every spectrum has weights of its own.
    """

    def __init__(self, microphones: int, spectra: int, filters: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.microphones = microphones
        self.norm = nn.BatchNorm1d(microphones * BANDS)
        self.along = filters_along(microphones * BANDS, filters, MAPS, REACH)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(MAPS * spectra, 2)

    def forward(self, sound: Tensor) -> Tensor:
        """sound (batch, channels, bins, spectra), its first channels the microphones' features."""
        levels = sound[:, : self.microphones]
        levels = levels[:, :, : levels.shape[2] // BANDS * BANDS].unflatten(2, (BANDS, -1)).mean(3)
        along = self.along(self.norm(levels.flatten(1, 2)))  # (batch, MAPS, spectra)
        return self.linear(self.dropout(along.flatten(1)))
