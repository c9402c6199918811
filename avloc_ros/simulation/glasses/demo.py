"""The demo scene of asl_unet: glasses among two portraits with espeak-ng voices, 12 s, built on first use."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from avloc_ros.config import cache_folder
from avloc_ros.simulation.glasses.config import EgocentricConfig
from avloc_ros.simulation.glasses.head_motion import HeadMotionConfig
from avloc_ros.simulation.glasses.scene import compose_egocentric
from avloc_ros.sources.scene import Scene, load_scene

VERSION = 1  # counts up when the scene changes, so that an old one in the cache is not taken
SEED = 2
CONFIG = EgocentricConfig(
    seconds=12.0, most_people=2, widest_deg=35.0, lowest_snr_db=10.0, highest_snr_db=10.0,
    motion=HeadMotionConfig(largest_yaw_deg=15.0),
)  # fmt: skip


def egocentric_demo_scene() -> Scene:
    """The scene from the cache folder; an interrupted build leaves no half scene behind."""
    folder = cache_folder() / f"egocentric_demo_{VERSION}"
    if (folder / "scene.json").is_file():
        return load_scene(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="egocentric_demo_", dir=folder.parent))
    try:
        compose_egocentric(unfinished, 0, seed=SEED, config=CONFIG)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return load_scene(folder)
