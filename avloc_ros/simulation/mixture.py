"""Scenes in measured and in simulated rooms, mixed: the same array, talkers and noises."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avloc_ros.simulation.kit import Kit
from avloc_ros.simulation.measured import compose_scene
from avloc_ros.simulation.scene_plan import Wishes
from avloc_ros.simulation.shoebox import compose_shoebox
from avloc_ros.simulation.shoebox_plan import ShoeboxParts
from avloc_ros.sources.scene import Scene
from avloc_ros.types import InputError


def is_measured(seed: int, index: int, measured_share: float) -> bool:
    """Whether scene number `index` stands in a measured room. Raises InputError for a share beyond 0 to 1."""
    if not 0 <= measured_share <= 1:
        raise InputError(f"the share of measured rooms is {measured_share:g}: need 0 to 1")
    return bool(np.random.default_rng([seed, index, 5]).random() < measured_share)


def compose_either(
    folder: Path,
    index: int,
    *,
    kit: Kit,
    parts: ShoeboxParts,
    measured_share: float,
    seed: int,
    wishes: Wishes,
) -> Scene:
    """Write scene number `index`: the one that measured or simulated rooms alone would give for this seed and index."""
    if is_measured(seed, index, measured_share):
        return compose_scene(folder, index, kit=kit, seed=seed, wishes=wishes)
    return compose_shoebox(folder, index, parts=parts, seed=seed, wishes=wishes)
