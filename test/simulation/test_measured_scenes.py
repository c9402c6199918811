"""Scenes composed from the data kit: readable, exact, repeatable, disjoint. Needs AVLOC_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.geometry import angles_from_direction, wrap_angle
from avloc_ros.simulation.kit import open_kit
from avloc_ros.simulation.looks.talker_clip import yunet_detector
from avloc_ros.simulation.measured import compose_scene
from avloc_ros.simulation.measured_rooms import find_responses, read_response
from avloc_ros.simulation.scene_plan import Wishes
from avloc_ros.sources.scene import Scene, load_scene
from avloc_ros.sources.video_file import video_images


@pytest.fixture(scope="module")
def data() -> Path:
    folder = Path(os.environ.get("AVLOC_DATA", ""))
    if not os.environ.get("AVLOC_DATA") or not (folder / "rir").is_dir():
        pytest.skip("AVLOC_DATA does not name a data kit with measured rooms")
    pytest.importorskip("av", reason="PyAV reads the talkers' clips")
    return folder


@pytest.fixture(scope="module")
def scene(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    wishes = Wishes(talkers=2, condition="noisy", snr_db=5.0, duration_s=3.0)
    return compose_scene(
        tmp_path_factory.mktemp("scene") / "a", 0, kit=open_kit(data, "test"), seed=5, wishes=wishes
    )


def test_a_scene_reads_back_and_states_what_it_is(scene: Scene) -> None:
    read = load_scene(scene.folder)
    assert (read.sample_rate_hz, read.fps, read.array.channels) == (16000, 25, 7)  # type: ignore[union-attr]
    assert len(list(video_images(read.video_path))) == 75  # type: ignore[arg-type]
    assert len(read.read_audio()) == 48000 and len(read.truth) == 150
    assert read.json["snr_db"] == pytest.approx(5.0, abs=0.01)
    assert read.json["condition"] == "noisy" and isinstance(read.json["fps"], int)
    assert any(row.speaking for row in read.truth)


def test_truth_pixels_are_where_the_azimuth_projects_to(scene: Scene) -> None:
    for name in {row.speaker for row in scene.truth}:
        rows = [row for row in scene.truth if row.speaker == name and row.in_picture]
        if rows:
            middle = np.mean([[row.u_px, row.v_px] for row in rows], axis=0)
            azimuth, _ = angles_from_direction(scene.camera.rays(middle))  # type: ignore[union-attr]
            assert np.rad2deg(abs(wrap_angle(azimuth - rows[0].azimuth_rad))) < 1.5  # heads move a little


def test_truth_lies_on_the_face_that_a_detector_finds(scene: Scene, data: Path) -> None:
    detect = yunet_detector(open_kit(data, "test").face_model)  # type: ignore[arg-type]
    images = list(video_images(scene.video_path))  # type: ignore[arg-type]
    seen = [row for row in scene.truth if row.visible and row.frame % 25 == 12]
    misses = []
    for row in seen:
        faces = detect(images[row.frame])
        centres = faces[:, :2] + faces[:, 2:4] / 2
        misses.append(np.linalg.norm(centres - [row.u_px, row.v_px], axis=1).min() if len(faces) else np.inf)
    assert seen and np.median(misses) < 2.5


def test_the_same_seed_gives_the_same_scene(data: Path, tmp_path: Path) -> None:
    kit = open_kit(data, "val")
    wishes = Wishes(audio_only=True, talkers=2, duration_s=2.0)
    first, again = (compose_scene(tmp_path / name, 4, kit=kit, seed=9, wishes=wishes) for name in "ab")
    other = compose_scene(tmp_path / "c", 4, kit=kit, seed=10, wishes=wishes)
    np.testing.assert_array_equal(first.read_audio(), again.read_audio())
    assert first.truth == again.truth and first.video_path is None
    assert first.json["talkers"] != other.json["talkers"] or not np.array_equal(
        first.read_audio(), other.read_audio()
    )


def test_talkers_voices_and_sounds_of_the_splits_are_disjoint(data: Path) -> None:
    kits = [open_kit(data, split) for split in ("train", "val", "test")]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for part in ("clips", "voices", "noises"):
            assert not set(getattr(kits[one], part)) & set(getattr(kits[other], part))
        speakers = [{path.stem.split("-")[0] for path in kits[k].voices} for k in (one, other)]
        assert not speakers[0] & speakers[1]


def test_azimuth_sign_agrees_with_which_microphones_hear_first(data: Path) -> None:
    """A source on the left (positive azimuth) reaches the left microphones (channels 3 and 5) before the right ones."""
    for response in find_responses(data / "rir" / "r3vival_16k"):
        if response.azimuth_rad is None or abs(np.sin(response.azimuth_rad)) < 0.5:
            continue
        samples = read_response(response.path)[0]
        left, right = (samples[:, channels].sum(axis=1) for channels in ([3, 5], [2, 4]))
        direct = slice(140, 200)
        lag = np.correlate(left[direct], right[direct], "full").argmax() - 59
        assert np.sign(-lag) == np.sign(response.azimuth_rad), response.name
