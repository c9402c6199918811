"""Two talkers who walk past each other at 1 m/s: the nearer one hides the other, the detector misses, sound is coarse."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.geometry import angles_from_direction
from avloc_ros.tracking.speaker_tracker import SpeakerTracker
from avloc_ros.types import Face, FaceDetections

FRAMES, FPS = 110, 25
FACE_M = 0.15
NEAR_DEG = 6.0


def walk(rng):
    """Places (frames, 2, 3) in metres of two people on straight lines in opposite directions, half a metre apart or more."""
    near, far = 1.3 + 0.7 * rng.random(), 2.4 + 0.8 * rng.random()
    time_s = (np.arange(FRAMES) - FRAMES / 2) / FPS
    speeds = rng.uniform(0.8, 1.2, 2) * [1, -1]
    sideways = time_s[:, None] * speeds + rng.uniform(-0.2, 0.2, 2)  # (frames, 2)
    ahead = np.broadcast_to([near, far], sideways.shape)
    height = np.broadcast_to(rng.uniform(-0.05, 0.3, 2), sideways.shape)
    return np.stack([ahead, sideways, height], axis=-1)


def seen_faces(rng, world, frame, places, missed):
    """The faces of one frame: not those out of the picture, not the hidden one, and not those that are missed."""
    pixels, inside = world.camera.project(places)
    widths = world.camera.fx * FACE_M / places[:, 0]
    overlap = (np.abs(pixels[0] - pixels[1]) < [0.4 * widths.sum(), 0.6 * widths.sum()]).all()
    shown = inside & [True, not overlap] & (rng.random(2) >= missed)
    faces = []
    for pixel, width in zip(pixels[shown], widths[shown], strict=True):
        u, v = pixel + rng.normal(0, 0.04 * width, 2)
        faces.append(Face(u - width / 2, v - width / 2, width, width, 0.9))
    return FaceDetections(frame * world.frame_ns, tuple(faces), (720, 450)), inside


def names_of(world, seed, missed, talks):
    """For both people, the identity of the nearest speaker in each frame in which they are in the picture."""
    rng = np.random.default_rng(seed)
    tracker, names = SpeakerTracker(), ([], [])
    for frame, places in enumerate(walk(rng)):
        faces, inside = seen_faces(rng, world, frame, places, missed)
        azimuths, elevations = np.array(angles_from_direction(places / np.linalg.norm(places, axis=1)[:, None]))
        heard = [
            (np.degrees(azimuths[who]) + rng.normal(0, 3), np.degrees(elevations[who]) + rng.normal(0, 6)) for who in talks
        ]
        sphere = world.sphere(frame, heard, 0.7)
        output = tracker.step(frame * world.frame_ns, None, faces, sphere, world.camera)
        for who in range(2):
            near = [
                (abs(angles_from_direction(s.direction)[0] - azimuths[who]), s.id) for s in output.speakers
            ]
            if inside[who] and near and min(near)[0] < np.radians(NEAR_DEG):
                names[who].append(min(near)[1])
    return names


@pytest.mark.parametrize("talks", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("seed", [1, 2])
def test_talkers_who_cross_keep_their_identities(world, seed, talks):
    first, second = names_of(world, seed, 0.1, talks)
    assert len(first) > 40 and len(second) > 40
    assert first[10] == first[-3] and second[10] == second[-3]
    assert first[10] != second[10]
