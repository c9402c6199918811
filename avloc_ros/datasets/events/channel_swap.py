"""Turns and mirrors a scene by swapping FOA channels, and its 360-degree pictures with it (docs/papers.md: av_seld).

A transform is azimuth' = sign * azimuth + offset (a multiple of 90 degrees), elevation' = sign * elevation. There are 16
(Mazzon et al. 2019); audio-visual channel swap uses 8 of them. Signs, channels and pixels all follow from this formula.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.types import InputError

XYZ_COLUMNS = (3, 1, 2)  # of x, y and z among W, Y, Z, X


@dataclass(frozen=True)
class ChannelSwap:
    """azimuth' = azimuth_sign * azimuth + azimuth_offset_deg, elevation' = elevation_sign * elevation."""

    azimuth_sign: int
    azimuth_offset_deg: int
    elevation_sign: int

    def matrix(self) -> np.ndarray:
        """int (3, 3) that turns directions (x, y, z): column vectors, entries 0, 1 and -1."""
        offset = np.radians(self.azimuth_offset_deg)
        cos, sin = round(float(np.cos(offset))), round(float(np.sin(offset)))
        return np.array(
            [
                [cos, -self.azimuth_sign * sin, 0],
                [sin, self.azimuth_sign * cos, 0],
                [0, 0, self.elevation_sign],
            ]
        )

    def samples(self, samples: np.ndarray) -> np.ndarray:
        """FOA samples (n, 4) in order W, Y, Z, X of the turned scene.

        Each channel of it is one of the given, or its negative: copied, since a product of matrices takes thirty times as long.
        """
        turned = samples.copy()
        for column, turn in zip(XYZ_COLUMNS, self.matrix(), strict=True):
            source = int(np.flatnonzero(turn)[0])
            turned[:, column] = samples[:, XYZ_COLUMNS[source]] * int(turn[source])
        return turned

    def rows(self, rows: Iterable[EventRow]) -> list[EventRow]:
        """Events of the turned scene."""
        return [
            replace(
                row,
                azimuth_deg=(self.azimuth_sign * row.azimuth_deg + self.azimuth_offset_deg + 180.0) % 360.0
                - 180.0,
                elevation_deg=self.elevation_sign * row.elevation_deg,
            )
            for row in rows
        ]

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """360-degree pictures (..., height, width, 3) of the turned scene, azimuth_deg = 180 - (x + 0.5) * 360 / width.

        Raises InputError where the width is no multiple of 4, so that a quarter turn would fall between pixels.
        """
        width = pictures.shape[-2]
        if width % 4:
            raise InputError(f"pictures are {width} pixels wide: a turn by 90 degrees needs a multiple of 4")
        azimuth_deg = 180.0 - (np.arange(width) + 0.5) * (360.0 / width)  # of the new columns
        before_deg = self.azimuth_sign * (azimuth_deg - self.azimuth_offset_deg)
        columns = np.round((180.0 - before_deg) * (width / 360.0) - 0.5).astype(int) % width
        turned = pictures[..., columns, :]
        return turned if self.elevation_sign > 0 else turned[..., ::-1, :, :]


OFFSETS_DEG = (0, 90, 180, -90)
ALL_SWAPS = tuple(
    ChannelSwap(azimuth_sign, offset_deg, elevation_sign)
    for azimuth_sign in (1, -1)
    for offset_deg in OFFSETS_DEG
    for elevation_sign in (1, -1)
)
# The eight of AVCS, in the order of the paper's table (Wang et al. 2023).
AVCS_SWAPS = (
    ChannelSwap(1, -90, -1),
    ChannelSwap(-1, -90, 1),
    ChannelSwap(1, 0, 1),
    ChannelSwap(-1, 0, -1),
    ChannelSwap(1, 90, -1),
    ChannelSwap(-1, 90, 1),
    ChannelSwap(1, 180, 1),
    ChannelSwap(-1, 180, -1),
)
