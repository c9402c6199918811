"""Scene folders: what is written is read back, and what is wrong is said in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.scene import SceneSource, load_scene, read_truth, write_scene, write_truth
from avloc_ros.sources.stream import Source
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NS = 1_000_000_000


def test_a_scene_is_read_back_as_written(small_scene):
    again = load_scene(small_scene.folder)
    assert again.json["room"] == {"rt60_s": 0.3}
    assert again.truth == small_scene.truth
    assert len(again.truth) == 60
    assert again.truth[1].u_px is None
    assert not again.truth[1].in_picture
    assert again.sample_rate_hz == 16000
    assert again.duration_s == pytest.approx(1.2)
    assert len(again.truth_by_frame()[7]) == 2
    assert again.array.channel_names == ("a", "b", "c", "d")
    assert again.camera.position_m.tolist() == [0.02, 0.0, 0.1]
    # Rz(0.3) Ry(0.1) Rx(-0.05), first column written out by hand
    first = [np.cos(0.3) * np.cos(0.1), np.sin(0.3) * np.cos(0.1), -np.sin(0.1)]
    assert np.allclose(again.camera.rotation[:, 0], first)


def test_the_stream_is_in_capture_order_with_exact_stamps(small_scene):
    source = SceneSource(small_scene, start_ns=5 * NS)
    assert isinstance(source, Source)
    items = list(source)
    stamps = [item.stamp_ns for item in items]
    assert stamps == sorted(stamps)
    frames = [item for item in items if isinstance(item, VideoFrame)]
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    assert [frame.stamp_ns for frame in frames] == [5 * NS + k * 40_000_000 for k in range(30)]
    assert [chunk.stamp_ns for chunk in chunks] == [
        5 * NS + c.first_sample_index * NS // 16000 for c in chunks
    ]
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert np.array_equal(sound, small_scene.read_audio())
    brightness = [frame.image.mean() for frame in frames]
    assert np.abs(np.array(brightness) - 8 * np.arange(30)).max() < 6  # H.264 is lossy


@pytest.mark.parametrize("encoding", ["S16LE", "S24LE", "F32LE"])
def test_sound_only_and_its_precision(tmp_path, encoding):
    audio = np.random.default_rng(0).uniform(-0.9, 0.9, (1600, 2))
    scene = write_scene(tmp_path / "s", audio=audio, sample_rate_hz=44100, encoding=encoding)
    assert "video" not in scene.json
    assert scene.camera is None
    step = {"S16LE": 2.0**-15, "S24LE": 2.0**-23, "F32LE": 2.0**-24}[encoding]
    assert np.abs(scene.read_audio() - audio).max() <= step
    source = open_source(tmp_path / "s")
    assert source.fps == 0.0
    assert all(isinstance(item, AudioChunk) for item in source)


def test_pictures_only(tmp_path):
    images = [np.full((45, 61, 3), 128, np.uint8)] * 5  # odd sizes have no 4:2:0
    scene = write_scene(tmp_path / "s", images=images, fps=10.0)
    assert (scene.video_info.width, scene.video_info.height) == (61, 45)
    source = open_source(scene.folder)
    assert source.sample_rate_hz == 0
    assert [frame.stamp_ns for frame in source] == [k * NS // 10 for k in range(5)]
    with pytest.raises(InputError, match="no sound"):
        scene.read_audio()


@pytest.fixture
def broken(small_scene, tmp_path):
    """A copy of the scene with changes to scene.json."""

    def make(**changes: object) -> Path:
        folder = tmp_path / "broken"
        shutil.copytree(small_scene.folder, folder)
        content = {key: value for key, value in (small_scene.json | changes).items() if value is not None}
        (folder / "scene.json").write_text(json.dumps(content))
        return folder

    return make


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audio": "other.wav"}, "'audio' names other.wav, which is not there"),
        ({"audio": None, "video": None}, "neither 'audio' nor 'video'"),
        ({"fps": "fast"}, "'fps' is 'fast'"),
        ({"sample_rate": 48000}, "sample_rate 48000"),
        ({"array": {"positions_m": [[0, 0, 0], [1, 0, 0]]}}, "2 microphone positions for 4 channels"),
        ({"array": {"positions_m": "none"}}, "positions_m"),
        ({"camera": {"width": 10}}, "lacks"),
        (
            {"camera": {"width": 720, "height": 450, "fx": 1, "fy": 1, "cx": 0, "cy": 0}},
            "video.mp4 has 96x64",
        ),
    ],
)
def test_a_broken_scene_is_refused_in_words(broken, changes, words):
    with pytest.raises(InputError, match=words):
        load_scene(broken(**changes))


def test_missing_and_garbled_folders(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"neither scene\.json nor a bag"):
        open_source(tmp_path)
    (tmp_path / "scene.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_scene(tmp_path)
    (tmp_path / "scene.json").write_text("[]")
    with pytest.raises(InputError, match="one object"):
        load_scene(tmp_path)
    (tmp_path / "scene.json").write_text('{"audio": "a.wav", "fps": 25}')
    (tmp_path / "a.wav").write_bytes(b"not a wav")
    with pytest.raises(InputError, match=r"a\.wav is not a sound file"):
        load_scene(tmp_path)


def test_truth_says_line_and_reason(tmp_path, small_scene):
    path = tmp_path / "truth.csv"
    write_truth(path, small_scene.truth)
    assert read_truth(path) == small_scene.truth
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2].replace("ben,,", "ben,left,")]))
    with pytest.raises(InputError, match=r"line 3.*left"):
        read_truth(path)
    path.write_text("frame,time_s\n1,2\n")
    with pytest.raises(InputError, match="speaker"):
        read_truth(path)


def test_a_scene_as_others_write_it(tmp_path, small_scene):
    """The format page's own spelling: blank cells, no channel names, no extra columns, byte order mark."""
    shutil.copytree(small_scene.folder, tmp_path / "s")
    content = small_scene.json | {"array": {"positions_m": small_scene.array.positions_m.tolist()}}
    (tmp_path / "s" / "scene.json").write_text(json.dumps(content))
    header = (
        "frame,time_s,speaker,u_px,v_px,left_px,top_px,width_px,height_px,azimuth_rad,elevation_rad,distance_m,"
        "speaking,visible"
    )
    (tmp_path / "s" / "truth.csv").write_text(
        f"\ufeff{header}\n3,0.12,p1,,,,,,,-0.5,0,2,1,0\n", encoding="utf-8"
    )
    (row,) = load_scene(tmp_path / "s").truth
    assert (row.frame, row.u_px, row.azimuth_rad, row.speaking, row.visible) == (3, None, -0.5, True, False)


def test_opencv_reads_and_writes_where_pyav_is_missing(tmp_path, monkeypatch):
    from avloc_ros.sources import video_file

    monkeypatch.setattr(video_file, "_has_av", lambda: False)
    images = [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(8)]
    scene = write_scene(tmp_path / "s", images=images)
    assert (scene.video_info.width, scene.video_info.frames) == (64, 8)
    read = [frame.image.mean() for frame in SceneSource(scene)]
    assert np.abs(np.array(read) - 20 * np.arange(8)).max() < 8
    with pytest.raises(InputError, match="PyAV"):
        video_file.video_sound(scene.video_path)
