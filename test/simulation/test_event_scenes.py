"""Rooms and sounds of sound event scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.features.inputs.foa_features import intensity
from avloc_ros.features.spectra.centred_stft import centred_stft
from avloc_ros.features.spectra.slaney_mel import mel_weights
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.events.event_scene import (
    EventSceneConfig,
    EventScenePlan,
    PlannedEvent,
    compose_event_scene,
    draw_event_scene,
    render,
)
from avloc_ros.simulation.events.event_sounds import event_sound
from avloc_ros.simulation.events.foa_room import FoaRoom, OpenArrayRoom
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


def test_an_open_array_hears_the_same_room_with_the_delay_of_each_microphone():
    place_m, source_m = (3.5, 2.5, 1.3), np.array([0.8, -1.1, 0.3])
    microphones_m = np.array([[0.0, 0.0, 0.0], [0.05, 0.0, 0.0], [0.0, -0.5, 0.2]])
    (alone,) = OpenArrayRoom((7.0, 6.0, 3.0), place_m, 0.3, 0).responses(microphones_m, source_m[None], RATE)
    for column, microphone_m in enumerate(microphones_m):
        distance_m = np.linalg.norm(source_m - microphone_m)
        spectrum, hertz = np.fft.rfft(alone[:, column]), np.fft.rfftfreq(len(alone), 1 / RATE)
        wanted = np.exp(-2j * np.pi * hertz * distance_m / 343.0) / distance_m
        band = (hertz > 200) & (hertz < 6000)
        assert np.abs(spectrum - wanted)[band].max() < 0.03
    room = (7.0, 6.0, 3.0), place_m, 0.3, 4
    (many,) = OpenArrayRoom(*room).responses(microphones_m, source_m[None], RATE)
    foa = FoaRoom(*room).response(source_m, RATE)
    length = min(len(many), len(foa))
    assert np.allclose(many[:length, 0], foa[:length, 0], atol=1e-9)  # at the origin it is W


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


def own_clips(folder):
    """A folder of clips per class: a low hum and a high whistle, none of them a class of STARSS."""
    soundfile = pytest.importorskip("soundfile")
    found = {}
    for name, hertz in (("whistle", 4000), ("hum", 300)):
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "a.wav", 0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE), RATE)
        found[name] = (folder / name / "a.wav",)
    return found


def test_scenes_of_own_classes_tell_their_table_and_an_array_is_encoded_as_it_is_read(tmp_path):
    tetrahedron = MicrophoneArray(0.042 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3))
    config = EventSceneConfig(
        duration_s=12.0, events=9, most_at_once=1, interferers=0, moving_share=0.0, room_order=0, picture_width=0,
        lowest_snr_db=60, highest_snr_db=60,
    )  # fmt: skip
    compose_event_scene(tmp_path / "one", config, np.random.default_rng(3), own_clips(tmp_path / "clips"), tetrahedron)
    (recording,) = scene_recordings([tmp_path])
    (raw,) = scene_recordings([tmp_path], as_foa=False)
    assert recording.classes == ("hum", "whistle") and recording.array is not None and raw.array is None
    assert raw.samples(RATE, 4).shape == (12 * RATE, 4)
    foa = recording.samples(RATE)
    assert foa.shape == (12 * RATE, 4) and not np.allclose(foa, raw.samples(RATE, 4), atol=0.01)
    rows = recording.rows()
    heard = {source: [row for row in rows if row.source == source] for source in {row.source for row in rows}}
    assert {rows[0].class_index for rows in heard.values()} == {0, 1}
    for own in heard.values():
        part = foa[round(own[0].frame * 0.1 * RATE) : round((own[-1].frame + 1) * 0.1 * RATE)]
        spectrum = np.abs(np.fft.rfft(part[:, 0]))
        assert (spectrum.argmax() * RATE / len(part) > 2000) == (own[0].class_index == 1)  # a whistle
        if own[0].class_index == 0:  # at 4 kHz this array is too large
            flow = intensity(centred_stft(part, 1024, 1024, 512), "energy")[:, :, 10:16].mean((1, 2))[[2, 0, 1]]
            assert np.degrees(angle_between(flow / np.linalg.norm(flow), own[0].direction)) < 6


def test_an_own_class_without_clips_is_refused(tmp_path):
    with pytest.raises(InputError, match="no clips of gong"):
        compose_event_scene(tmp_path, EventSceneConfig(picture_width=0), np.random.default_rng(0), {"gong": ()})


def test_ticks_are_as_loud_as_noises_where_clips_have_their_power_in_common():
    ticks, noise = np.zeros(RATE), np.random.default_rng(0).normal(size=RATE)
    ticks[::4800] = 1.0
    sounds = {Path("tick"): ticks, Path("hiss"): noise}
    clips = {path.name: (path,) for path in sounds}
    ahead = np.array([1.0, 0.0, 0.0])
    named = zip((0, 30), ("hiss", "tick"), strict=True)
    events = tuple(PlannedEvent(index, first, first + 20, ahead, ahead, Path(name)) for index, (first, name) in enumerate(named))
    plan = EventScenePlan(FoaRoom((6.0, 5.0, 3.0), (3.0, 2.5, 1.2), 0.4, max_order=0), events, 60, 80.0, clips)
    louder_db = {}
    for level in ("peak", "power"):
        config = EventSceneConfig(clip_level=level, picture_width=0)
        audio = render(plan, config, np.random.default_rng(1), lambda path, rate: sounds[path])
        parts = [audio[round(start * RATE) : round((start + 2.0) * RATE), 0] for start in (0.0, 3.0)]
        hiss, tick = (np.sqrt(np.mean(np.square(part))) for part in parts)
        louder_db[level] = 20 * np.log10(hiss / tick)
    ours_db = 20 * np.log10(noise.std() / np.abs(noise).max() / np.sqrt(1 / 4800))  # both by their peaks
    assert louder_db["peak"] - louder_db["power"] == pytest.approx(ours_db, abs=1.0) and ours_db > 20
