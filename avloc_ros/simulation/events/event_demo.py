"""The demo scene of sound events: what a room hears and a 360-degree camera sees in 20 s, built from formulas in seconds."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from avloc_ros.config import cache_folder
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.geometry import direction_from_angles
from avloc_ros.simulation.events.event_scene import (
    EventSceneConfig,
    EventScenePlan,
    PlannedEvent,
    write_event_scene,
)
from avloc_ros.simulation.events.foa_room import FoaRoom
from avloc_ros.sources.dcase_csv import FRAME_S
from avloc_ros.sources.scene import Scene, load_scene

DURATION_S = 20.0
VERSION = 1  # counts up when the scene changes, so that an old one in the cache is not taken
ROOM = FoaRoom((6.5, 5.5, 2.8), (3.1, 2.6, 1.4), rt60_s=0.3)
CONFIG = EventSceneConfig(duration_s=DURATION_S, picture_fps=25.0, visible_share=1.0, silent_things=1)
SNR_DB = 25.0
# class, from and to in seconds, azimuth at the beginning and at the end, elevation (degrees), distance (m)
SCRIPT = (
    ("female_speech", 1.0, 5.0, 60.0, 25.0, 5.0, 1.5),
    ("telephone", 3.5, 7.0, -80.0, -80.0, -15.0, 1.8),
    ("bell", 8.0, 11.0, 150.0, 150.0, 10.0, 2.0),
    ("male_speech", 9.5, 14.0, -20.0, -60.0, 5.0, 1.6),
    ("water_tap", 13.0, 17.0, 100.0, 100.0, -10.0, 1.7),
    ("clapping", 15.0, 19.0, -130.0, -130.0, 0.0, 1.8),
    ("female_speech", 16.0, 19.0, 15.0, 40.0, 5.0, 1.5),
)


def event_demo_scene() -> Scene:
    """The scene from the cache folder; built on first use."""
    folder = cache_folder() / f"event_demo_scene_{VERSION}"
    if not (folder / "scene.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="event_demo_", dir=folder.parent))
        try:
            build_event_demo_scene(unfinished)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(unfinished, folder)  # an interrupted build leaves no half scene behind
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return load_scene(folder)


def build_event_demo_scene(folder: Path, seed: int = 0) -> EventScenePlan:
    """Build the scene in `folder`: FOA at 24 kHz, 448x224 at 25 fps, truth_events.csv."""
    events = tuple(_planned(*line) for line in SCRIPT)
    plan = EventScenePlan(ROOM, events, round(DURATION_S / FRAME_S), SNR_DB)
    write_event_scene(folder, plan, CONFIG, np.random.default_rng(seed))
    return plan


def _planned(
    name: str, from_s: float, to_s: float, first_deg: float, last_deg: float, elevation_deg: float, range_m: float
) -> PlannedEvent:
    start_m, end_m = (
        direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg)) * range_m
        for azimuth_deg in (first_deg, last_deg)
    )
    frames = round(from_s / FRAME_S), round(to_s / FRAME_S)
    return PlannedEvent(STARSS_CLASSES.index(name), *frames, start_m, end_m)
