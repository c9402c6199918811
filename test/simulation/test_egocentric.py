"""Scenes of a turning head: pictures, sound and truth must agree with plain geometry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyroomacoustics", reason="rooms are simulated by pyroomacoustics")
pytest.importorskip("espeakng_loader", reason="voices are made by espeak-ng")
pytest.importorskip("skimage", reason="the portraits are in scikit-image and matplotlib")

from avloc_ros.config import from_mapping
from avloc_ros.datasets.glasses.recording import recordings_under
from avloc_ros.geometry import direction_from_angles, rotation_from_yaw_pitch_roll
from avloc_ros.simulation.glasses import guests as egocentric_guests
from avloc_ros.simulation.glasses.config import EgocentricConfig
from avloc_ros.simulation.glasses.guests import EgocentricParts, draw_guests
from avloc_ros.simulation.glasses.head_motion import STEP_S, HeadMotion, HeadMotionConfig, draw_head_motion
from avloc_ros.simulation.glasses.head_shadow import high_frequency_gain, shadowed
from avloc_ros.simulation.glasses.picture import homography, turned_box, wide_camera
from avloc_ros.simulation.glasses.scene import compose_egocentric, glasses_array, read_masks
from avloc_ros.simulation.glasses.sound import heard_by_turning_head, heard_own_voice, mixed
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.types import InputError

ANECHOIC = ShoeboxRoom((8.0, 8.0, 4.0), (4.0, 4.0, 2.0), 0.3, max_order=0)
RATE = 16000
SMALL = EgocentricConfig(
    width=160, height=90, seconds=3.0, reflections=1, tables=1, lowest_snr_db=20.0, highest_snr_db=20.0
)


def turned_by(yaw_deg):
    angles = np.zeros((2000, 3))
    angles[:, 0] = np.deg2rad(yaw_deg)
    return HeadMotion(angles)


def test_the_homography_is_a_projection_through_the_turned_head():
    camera = SMALL.camera
    wide = wide_camera(camera)
    rotation = rotation_from_yaw_pitch_roll(0.3, -0.1, 0.05)
    pixels = np.random.default_rng(0).uniform([60, 20], [380, 170], (50, 2))
    expected, _ = camera.project(wide.rays(pixels) @ rotation * 3.0)  # R^T applied to every ray
    mapped = np.c_[pixels, np.ones(50)] @ homography(wide, camera, rotation).T
    assert mapped[:, :2] / mapped[:, 2:] == pytest.approx(expected, abs=1e-6)


def test_looking_left_moves_a_face_to_the_right_and_behind_it_is_gone():
    camera = SMALL.camera
    wide = wide_camera(camera)
    box = np.array([wide.cx - 10, wide.cy - 10, 20, 20])
    straight = turned_box(box, wide, camera, np.eye(3))
    left = turned_box(box, wide, camera, rotation_from_yaw_pitch_roll(0.3, 0, 0))
    assert straight == pytest.approx([camera.cx - 10, camera.cy - 10, 20, 20])
    assert left[0] - straight[0] == pytest.approx(camera.fx * np.tan(0.3), abs=2)
    assert turned_box(box, wide, camera, rotation_from_yaw_pitch_roll(3.0, 0, 0)) is None


@pytest.mark.parametrize("yaw_deg", [0, 40])
def test_delays_are_those_of_the_direction_from_the_turned_head(yaw_deg):
    dry = np.random.default_rng(1).normal(0, 0.1, RATE)
    microphones = glasses_array().positions_m
    source = direction_from_angles(np.deg2rad(70), 0.0) * 2.0
    heard = heard_by_turning_head(dry, source, turned_by(yaw_deg), ANECHOIC, microphones, RATE, shadow=False)
    in_head = direction_from_angles(np.deg2rad(70 - yaw_deg), 0.0) * 2.0
    distances = np.linalg.norm(microphones - in_head, axis=1)
    spectra = np.fft.rfft(heard, axis=0)
    for channel in range(1, 6):
        cross = np.fft.irfft(spectra[:, channel] * np.conj(spectra[:, 0]), 16 * RATE)
        lag = np.argmax(np.roll(cross, 400)[:801]) - 400
        assert lag / 16 / RATE * 343.0 == pytest.approx(distances[channel] - distances[0], abs=0.004)


def test_the_shadow_makes_level_differences_of_high_frequencies_only():
    microphones = glasses_array().positions_m
    source = np.array([0.0, 2.0, 0.0])  # to the left
    impulse = np.zeros((2048, 6))
    impulse[10] = 1.0
    spectra = np.abs(np.fft.rfft(shadowed(impulse, microphones, source, RATE), axis=0))
    frequency = np.fft.rfftfreq(2048, 1 / RATE)
    low, high = np.argmin(np.abs(frequency - 60)), np.argmin(np.abs(frequency - 6000))
    level = 20 * np.log10(spectra[:, 4] / spectra[:, 5])  # left ear over right ear
    assert abs(level[low]) < 1.0 and level[high] > 10.0
    assert high_frequency_gain(np.array([0.0])) == pytest.approx(2.0)
    assert high_frequency_gain(np.array([np.deg2rad(150)])) == pytest.approx(0.1)


def test_the_own_voice_is_much_louder_than_a_guest_with_the_same_voice():
    dry = np.random.default_rng(2).normal(0, 0.1, RATE)
    microphones = glasses_array().positions_m
    own = heard_own_voice(dry, ANECHOIC, microphones, RATE)
    guest = heard_by_turning_head(
        dry, np.array([1.5, 0, 0]), turned_by(0), ANECHOIC, microphones, RATE, shadow=False
    )
    assert 10 * np.log10(np.mean(own**2) / np.mean(guest**2)) > 15


def test_the_noise_is_as_far_below_the_guests_as_asked_for_whatever_the_wearer_does():
    rng = np.random.default_rng(3)
    people, own, noise = rng.normal(size=(3, RATE, 6)) * np.array([0.1, 5.0, 1.0])[:, None, None]
    heard = np.arange(RATE) < RATE // 2
    people[~heard] = 0
    draws = [np.random.default_rng(4), np.random.default_rng(4)]
    with_noise, without = (mixed(r, people, own, heard, n, 6.0) for r, n in zip(draws, (noise, None), strict=True))
    weights, *_ = np.linalg.lstsq(
        np.stack([(people + own).ravel(), noise.ravel()], axis=1), with_noise.ravel(), rcond=None
    )
    ratio = np.mean((weights[0] * people[heard]) ** 2) / np.mean((weights[1] * noise) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(6.0, abs=0.1)
    assert 0.3 < np.abs(without).max() <= 0.91


def test_heads_turn_smoothly_within_their_limits():
    config = HeadMotionConfig()
    motion = draw_head_motion(np.random.default_rng(5), 20.0, config)
    degrees = np.degrees(motion.angles_rad)
    assert np.abs(degrees).max(axis=0) == pytest.approx([25 * 1.2, 8 * 1.2, 5 * 1.2], rel=0.5)
    assert (np.abs(degrees).max(axis=0) <= np.array([25, 8, 5]) * 1.2 + 1e-9).all()
    assert np.abs(np.diff(degrees[:, 0])).max() / STEP_S < 400  # a fast turn of a head; no jump


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return compose_egocentric(tmp_path_factory.mktemp("scenes") / "one", 1, seed=3, config=SMALL)


def test_a_scene_has_sound_pictures_masks_and_the_wearer(scene):
    assert scene.fps == 20 and scene.video_info.width == 160 and scene.audio_info.channels == 6
    assert scene.duration_s == pytest.approx(3.0)
    names = {row.speaker for row in scene.truth}
    assert "wearer" in names and 3 <= len(names) <= 6
    assert json.loads((scene.folder / "scene.json").read_text())["head_shadow"] is True
    own = [row for row in scene.truth if row.speaker == "wearer"]
    assert len(own) == 60 and all(row.u_px is None for row in own)


def test_masks_are_the_boxes_of_those_who_speak(scene):
    masks = read_masks(scene)
    assert masks.shape == (60, 90, 160)
    marked = 0
    for row in scene.truth:
        if row.u_px is not None and row.speaking:
            assert masks[row.frame, int(row.v_px), int(row.u_px)]
            marked += 1
    silent = [k for k in range(60) if not any(r.speaking and r.u_px is not None for r in scene.truth if r.frame == k)]
    assert marked > 5 and not masks[silent].any()


def test_directions_and_pixels_of_a_face_agree(scene):
    errors = []
    for row in scene.truth:
        if row.u_px is not None:
            point = direction_from_angles(row.azimuth_rad, row.elevation_rad)
            errors.append(np.hypot(*(scene.camera.project(point)[0] - (row.u_px, row.v_px))))
    assert len(errors) > 30 and np.median(errors) < 3.0  # faces sway a little around their place


def test_a_scene_reads_back_as_a_recording(scene):
    (recording,) = recordings_under([scene.folder.parent], 45, 80)
    assert recording.images.shape == (60, 45, 80, 3) and recording.samples.shape == (48000, 6)
    masks = read_masks(scene)
    for frame in range(0, 60, 7):
        small = masks[frame].reshape(45, 2, 80, 2).mean(axis=(1, 3)) >= 0.5
        assert (recording.mask(frame).astype(bool) != small).sum() <= 0.03 * 45 * 80
    talks = [row.speaking for row in scene.truth if row.speaker == "wearer"]
    assert list(recording.wearer_speaking) == talks


def test_a_folder_without_scenes_is_refused(tmp_path):
    with pytest.raises(InputError, match="no scene in"):
        recordings_under([tmp_path], 45, 80)


def test_contradictions_are_refused():
    with pytest.raises(InputError, match="fewest_people is 4, above most_people 3"):
        EgocentricConfig(fewest_people=4, most_people=3)
    with pytest.raises(InputError, match="unknown setting"):
        from_mapping(EgocentricConfig, {"motion": {"largest_jaw_deg": 3.0}})


def test_filmed_people_are_mirrored_lit_and_dubbed_and_portraits_come_in_between(monkeypatch):
    """Stand-ins for filmed talkers: a clip whose left half is bright says nothing itself."""
    cut_outs = np.zeros((20, 8, 10, 4), np.uint8)
    cut_outs[..., 3], cut_outs[:, :, :5, :3] = 255, 200
    speaking = np.arange(20) % 20 > 4
    clip = TalkerClip("filmed", cut_outs, np.tile([1.0, 1, 3, 3], (20, 1)), np.zeros(12800, np.float32), RATE, speaking)
    monkeypatch.setattr(egocentric_guests, "load_talker_clip", lambda *_: clip)
    monkeypatch.setattr(egocentric_guests, "yunet_detector", lambda _: None)
    parts = EgocentricParts(clips=(Path("a"), Path("b")), face_model=Path("yunet.onnx"))
    config = replace(SMALL, fewest_people=5, most_people=5, portrait_share=0.4, dubbed_share=0.5)
    guests = [g for seed in range(4) for g in draw_guests(np.random.default_rng(seed), config, parts)]
    filmed = [g.clip for g in guests if g.clip.name == "filmed"]
    assert 5 <= len(filmed) <= 17
    bright_left = [c.cut_outs[0, 0, 0, 0] > 0 for c in filmed]
    assert 0 < sum(bright_left) < len(filmed)
    assert all((c.boxes[0, 0] == 1) == left for c, left in zip(filmed, bright_left, strict=True))
    assert len({int(c.cut_outs[..., 0].max()) for c in filmed}) > 3
    assert 0 < sum(bool(np.abs(c.voice).max() > 0) for c in filmed) < len(filmed)
    assert clip.cut_outs.max() == 255 and clip.cut_outs[0, 0, 0, 0] == 200  # the clip itself stays
