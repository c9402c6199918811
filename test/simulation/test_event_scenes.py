"""Rooms and sounds of sound event scenes."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.features.inputs.foa_features import intensity
from avloc_ros.features.spectra.centred_stft import centred_stft
from avloc_ros.features.spectra.slaney_mel import mel_weights
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.simulation.events.event_scene import EventSceneConfig, compose_event_scene, draw_event_scene
from avloc_ros.simulation.events.event_sounds import event_sound
from avloc_ros.simulation.events.foa_room import FoaRoom
from avloc_ros.types import InputError

RATE = 24000


def test_the_direct_sound_comes_from_the_source_at_its_time_and_level():
    room = FoaRoom((6.0, 5.0, 3.0), (3.0, 2.5, 1.2), 0.4, max_order=0)
    direction = direction_from_angles(np.radians(60), np.radians(20))
    x, y, z = direction
    near, far = (room.response(distance * direction, RATE) for distance in (1.0, 2.0))
    assert np.abs(near[:, 0]).argmax() == round(1.0 / 343 * RATE)
    assert near.sum(0) == pytest.approx(np.array([1, y, z, x]), abs=0.02)
    assert far.sum(0) == pytest.approx(np.array([1, y, z, x]) / 2, abs=0.02)


def test_the_first_reflection_is_the_mirror_image():
    """A wall 1 m to the left of the microphone, the source 1 m ahead: its image is at (1, 2, 0)."""
    room = FoaRoom((8.0, 4.0, 3.0), (4.0, 3.0, 1.5), 0.5, max_order=1)
    images, gains = room.images(np.array([1.0, 0.0, 0.0]))
    assert len(images) == 7  # itself and one behind each wall
    (index,) = np.flatnonzero(np.linalg.norm(images - np.array([1.0, 2.0, 0.0]), axis=1) < 1e-9)
    assert gains[index] == pytest.approx(room.reflection()) and 0 < gains[index] < 1


def test_what_is_heard_in_a_room_still_points_to_the_source():
    room = FoaRoom((7.0, 6.0, 3.0), (3.5, 2.5, 1.3), 0.3, max_order=5)
    direction = direction_from_angles(np.radians(-100), 0.0)
    response = room.response(1.2 * direction, RATE)
    noise = np.random.default_rng(0).normal(size=RATE // 2)
    heard = np.stack([np.convolve(noise, response[:, c]) for c in range(4)], 1)
    flow = intensity(centred_stft(heard, 512, 512, 150), "vector").mean((1, 2))[[2, 0, 1]]
    assert np.degrees(angle_between(flow, direction)) < 10


def test_every_class_has_a_sound_and_they_can_be_told_apart():
    """Nearest mean of simple spectral statistics over other drawings of each class: chance is 1 in 13."""
    weights = mel_weights(RATE, 1024, 24)

    def statistics(name, seed):
        samples = event_sound(name, 1.5, RATE, np.random.default_rng((seed, STARSS_CLASSES.index(name))))
        assert (
            samples.shape == (36000,)
            and np.isfinite(samples).all()
            and np.abs(samples).max() == pytest.approx(1, abs=0.05)
        )
        spectra = np.abs(centred_stft(samples[:, None], 1024, 1024, 480)[0]) ** 2 @ weights.T
        decibels = 10 * np.log10(spectra + 1e-6)
        return np.concatenate([decibels.mean(0), decibels.std(0), np.abs(np.diff(decibels, axis=0)).mean(0)])

    means = np.stack([np.mean([statistics(n, s) for s in range(4)], 0) for n in STARSS_CLASSES])
    right = 0
    for seed in (10, 11):
        for index, name in enumerate(STARSS_CLASSES):
            right += np.linalg.norm(means - statistics(name, seed), axis=1).argmin() == index
    assert right >= 20  # of 26
    with pytest.raises(InputError, match="dragon"):
        event_sound("dragon", 1.0, RATE, np.random.default_rng(0))


def test_a_scene_is_what_its_truth_says(tmp_path):
    """Alone in a dry room and silence, the sound of each label frame points to where the truth has it."""
    config = EventSceneConfig(
        duration_s=6.0, events=2, most_at_once=1, moving_share=1.0, interferers=0, lowest_snr_db=60.0, highest_snr_db=60.0,
        room_order=0,
    )  # fmt: skip
    plan = compose_event_scene(tmp_path / "scene", config, np.random.default_rng(4))
    (recording,) = scene_recordings([tmp_path])
    samples, rows = recording.samples(RATE), recording.rows()
    assert samples.shape == (6 * RATE, 4) and len(rows) == sum(e.end - e.first for e in plan.events)
    assert recording.label_frames(RATE, len(samples)) == 60
    errors, levels = [], []
    for row in rows:
        piece = samples[row.frame * 2400 : (row.frame + 1) * 2400]
        w, y, z, x = piece.T
        levels.append(w @ w)
        errors.append(np.degrees(angle_between(np.array([w @ x, w @ y, w @ z]), row.direction)))
    loud = np.array(levels) > 0.05 * max(levels)
    assert loud.sum() > 5 and np.median(np.array(errors)[loud]) < 5


def test_a_share_of_the_events_takes_the_class_of_one_beside_them():
    def pair_share(share: float) -> float:
        frames = pairs = 0
        for seed in range(15):
            config = EventSceneConfig(duration_s=20.0, events=10, pair_share=share)
            rows = draw_event_scene(config, np.random.default_rng(seed), {}).rows()
            classes: dict[int, list[int]] = {}
            for row in rows:
                classes.setdefault(row.frame, []).append(row.class_index)
            frames += len(classes)
            pairs += sum(len(set(here)) < len(here) for here in classes.values())
        return pairs / frames

    chance, wished = pair_share(0.0), pair_share(0.6)
    assert chance < 0.15 and wished > 0.3


def test_no_more_events_than_wished_sound_at_once(tmp_path):
    config = EventSceneConfig(duration_s=10.0, events=60, most_at_once=2, interferers=3)
    plan = draw_event_scene(config, np.random.default_rng(1), {})
    counts = np.bincount([row.frame for row in plan.rows()], minlength=plan.frames)
    assert counts.max() == 2 and sum(event.class_index < 0 for event in plan.events) == 3
    assert {row.class_index for row in plan.rows()} <= set(range(13))
    with pytest.raises(InputError, match="dragon"):
        compose_event_scene(tmp_path, config, np.random.default_rng(0), {"dragon": ()})
