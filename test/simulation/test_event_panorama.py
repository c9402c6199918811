"""What the 360-degree camera of event scenes sees."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.datasets.events.event_pictures import read_pictures
from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.geometry import direction_from_angles
from avloc_ros.simulation.events.event_panorama import draw_things, panorama_frames
from avloc_ros.simulation.events.event_scene import EventSceneConfig, PlannedEvent, compose_event_scene
from avloc_ros.simulation.events.event_sprites import SIZES_M, Look, sprite
from avloc_ros.types import InputError

WIDTH = 448


def event(class_name: str, azimuth_deg: float, elevation_deg: float, end_deg: float | None = None) -> PlannedEvent:
    ends = [
        direction_from_angles(np.radians(angle), np.radians(elevation_deg)) * 1.5
        for angle in (azimuth_deg, azimuth_deg if end_deg is None else end_deg)
    ]
    return PlannedEvent(STARSS_CLASSES.index(class_name), 0, 20, *ends)


def drawn(events: list[PlannedEvent], **values: float) -> np.ndarray:
    """float (frames, height, width): where the pictures differ from the empty room."""
    things = draw_things(events, 20, 1.0, 0, np.random.default_rng(0))
    frames, empty = (
        np.stack(list(panorama_frames(shown, 20, 10.0, WIDTH, np.random.default_rng(4)))) for shown in (things, [])
    )
    return np.abs(frames.astype(float) - empty).sum(-1)


@pytest.mark.parametrize("azimuth_deg", [0.0, 90.0, -135.0, 179.5])
def test_a_thing_stands_at_its_azimuth_and_elevation(azimuth_deg):
    """Pixels by the formula of the data set: azimuth_deg = 180 - (column + 0.5) * 360 / width; the seam is no edge."""
    seen = drawn([event("door", azimuth_deg, 20.0)]).sum(0) > 0  # (height, width)
    columns = np.flatnonzero(seen.any(0))
    angle = np.angle(np.exp(1j * np.radians(180 - (columns + 0.5) * 360 / WIDTH)).mean(), deg=True)
    assert (angle - azimuth_deg + 180) % 360 - 180 == pytest.approx(0, abs=1.5)
    rows = np.flatnonzero(seen.any(1))
    assert 90 - (rows.mean() + 0.5) * 180 / (WIDTH // 2) == pytest.approx(20, abs=2.5)


def test_a_thing_moves_while_it_sounds_and_follows_its_path():
    still, moving = drawn([event("bell", 0.0, 0.0)]), drawn([event("bell", 40.0, 0.0, -40.0)])
    assert any((still[k] != still[k + 3]).any() for k in range(10))  # it swings
    first, last = (np.flatnonzero(moving[k].sum(0)).mean() for k in (0, 19))
    assert (last - first) * 360 / WIDTH == pytest.approx(76, abs=6)  # to the right, by what it turned until then


def test_every_thing_looks_alike_only_to_itself():
    look = Look.drawn(np.random.default_rng(0))
    for name in SIZES_M:
        rest, sounding = sprite(name, look, 0), sprite(name, look, 1)
        assert rest[..., 3].max() == 1.0 and (rest[..., :3] <= rest[..., 3:] + 1e-6).all()  # premultiplied
        assert (rest != sounding).any()
        assert all((rest != sprite(other, look, 0)).any() for other in SIZES_M if other != name and name != "laughter")


def test_scenes_carry_the_pictures_that_training_reads(tmp_path):
    config = EventSceneConfig(duration_s=3.0, events=2, interferers=0, room_order=1, picture_width=224)
    compose_event_scene(tmp_path / "scene0000", config, np.random.default_rng(1))
    (recording,) = scene_recordings([tmp_path])
    pictures = read_pictures(recording.pictures, 30, 224, 112)
    assert pictures.shape == (30, 112, 224, 3) and pictures.std() > 10
    with pytest.raises(InputError, match="picture_width is 222"):
        EventSceneConfig(picture_width=222)
