"""Where and when a scene has trouble (scene.json, `trouble`), and which talkers stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avloc_ros.geometry import wrap_angle
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import InputError

NEAR_NOISE_DEG = 30.0  # a talker this close to a noise's direction stands in the noise
INSIDE, OUTSIDE, NO_TROUBLE = 1, 0, -1


@dataclass(frozen=True)
class Trouble:
    """One trouble: of the picture within region_px (left, top, width, height), of one talker's face, or of the ear from
    azimuth_rad. A noise from everywhere has none of these: it is local nowhere."""

    kind: str
    from_s: float
    to_s: float
    region_px: tuple[float, float, float, float] | None = None
    talker: str | None = None
    azimuth_rad: float | None = None

    @staticmethod
    def all_of(facts: dict[str, Any]) -> list[Trouble]:
        """The troubles that a scene's facts tell. Raises InputError where an entry cannot be read."""
        return [Trouble.of(entry) for entry in facts.get("trouble") or ()]

    @staticmethod
    def of(entry: dict[str, Any]) -> Trouble:
        """From {kind, from_s, to_s, region {left_px, top_px, width_px, height_px} | talker | direction {azimuth_rad}}."""
        try:
            region, direction = entry.get("region"), entry.get("direction")
            names = ("left_px", "top_px", "width_px", "height_px")
            left, top, width, height = (float(region[name]) for name in names) if region else (0.0, 0.0, 0.0, 0.0)
            return Trouble(
                str(entry["kind"]),
                float(entry.get("from_s", 0.0)),
                float(entry.get("to_s", np.inf)),
                (left, top, width, height) if region else None,
                str(entry["talker"]) if entry.get("talker") is not None else None,
                float(direction["azimuth_rad"]) if direction else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"scene.json: trouble {entry!r} cannot be read ({error!r}); it needs a kind, and a region, a talker or a "
                "direction as docs/scenes.md says"
            ) from error

    @property
    def is_local(self) -> bool:
        """Whether it troubles one place and not another."""
        return self.region_px is not None or self.talker is not None or self.azimuth_rad is not None

    def lasts_at(self, time_s: float) -> bool:
        """Whether it is on at a moment."""
        return self.from_s <= time_s < self.to_s

    def touches(self, row: TruthRow) -> bool:
        """Whether the talker stands in it: the face's centre in the region, or within 30 degrees of the noise."""
        if self.talker is not None:
            return row.speaker == self.talker
        if self.azimuth_rad is not None:
            return bool(np.degrees(abs(wrap_angle(row.azimuth_rad - self.azimuth_rad))) <= NEAR_NOISE_DEG)
        if self.region_px is None or row.u_px is None or row.v_px is None:
            return False
        left, top, width, height = self.region_px
        return left <= row.u_px < left + width and top <= row.v_px < top + height


def place_in_trouble(row: TruthRow, kind: str, troubles: Sequence[Trouble]) -> int:
    """INSIDE or OUTSIDE the trouble of this kind that is on; NO_TROUBLE where none is, or none that is local.

    A talker outside the picture is neither inside nor outside a region of it.
    """
    now = [t for t in troubles if t.kind == kind and t.is_local and t.lasts_at(row.time_s)]
    if not row.in_picture:
        now = [t for t in now if t.azimuth_rad is not None]
    if not now:
        return NO_TROUBLE
    return INSIDE if any(trouble.touches(row) for trouble in now) else OUTSIDE
