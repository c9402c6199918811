# ruff: noqa: E402
"""STARSS and L3DAS23 on miniatures of their layouts."""

from __future__ import annotations

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")

from avloc_ros.datasets.events.event_pictures import cached_pictures, read_pictures
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.datasets.events.l3das import l3das_recordings
from avloc_ros.datasets.events.starss import starss_recordings
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.sources.video_file import VideoWriter
from avloc_ros.types import InputError


def sound(path, rate=24000, channels=4, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).normal(0, 0.1, (int(rate * seconds), channels))
    soundfile.write(path, samples, rate, subtype="PCM_16")


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def video(path, fps=30.0, frames=30, size=(64, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, size, fps) as writer:
        for k in range(frames):
            writer.write(np.full((size[1], size[0], 3), 8 * k, np.uint8))


@pytest.fixture
def starss(tmp_path):
    for name in ("dev-train-sony/fold3_room21_mix001", "dev-test-tau/fold4_room2_mix003"):
        sound(tmp_path / "foa_dev" / f"{name}.wav")
        text(tmp_path / "metadata_dev" / f"{name}.csv", "0,1,0,-45,10,120\n5,12,1,170,-30,200\n")
    video(tmp_path / "video_dev" / "dev-train-sony" / "fold3_room21_mix001.mp4")
    text(tmp_path / "foa_dev" / "README.txt", "not a split\n")
    return tmp_path


def test_starss(starss):
    train, test = starss_recordings(starss)
    assert (train.name, train.split, train.room) == ("fold3_room21_mix001", "train", "sony_21")
    assert (test.split, test.room, test.pictures) == ("test", "tau_2", None)
    assert train.rows()[1] == EventRow(5, 12, 1, 170, -30, 2.0)
    samples = train.samples(24000)
    assert samples.shape == (24000, 4) and train.label_frames(24000, len(samples)) == 10
    assert train.samples(16000).shape == (16000, 4)


def test_what_is_missing_from_starss_is_named(starss):
    with pytest.raises(InputError, match="mic_dev"):
        starss_recordings(starss, "mic")
    with pytest.raises(InputError, match="audio format"):
        starss_recordings(starss, "ambi")
    (starss / "metadata_dev/dev-test-tau/fold4_room2_mix003.csv").unlink()
    with pytest.raises(InputError, match="no metadata"):
        starss_recordings(starss)


def test_pictures_are_those_on_the_screen_when_a_label_frame_begins(starss, tmp_path):
    recording = starss_recordings(starss)[0]
    pictures = cached_pictures(recording, tmp_path / "cache", 12, 32, 16)
    assert pictures.shape == (12, 16, 32, 3)
    shown = pictures[:, 8, 16].mean(-1)
    assert shown[:10] == pytest.approx(8 * 3 * np.arange(10), abs=6)  # 30 fps: every third picture
    assert (np.asarray(pictures[10:]) == pictures[9]).all()  # the video has ended
    assert np.array_equal(cached_pictures(recording, tmp_path / "cache", 12, 32, 16), pictures)
    with pytest.raises(InputError, match="no pictures"):
        cached_pictures(starss_recordings(starss)[1], tmp_path / "cache", 12, 32, 16)


def test_recordings_of_one_name_in_two_splits_keep_their_own_pictures(tmp_path):
    import cv2

    shown = []
    for split, grey in (("train", 40), ("test", 200)):
        (tmp_path / split).mkdir()
        still = tmp_path / split / "still.png"
        cv2.imwrite(str(still), np.full((16, 32, 3), grey, np.uint8))
        recording = EventRecording("scene0000", tmp_path / split / "audio.wav", lambda: (), split, pictures=still)
        shown.append(int(cached_pictures(recording, tmp_path / "cache", 3, 32, 16).mean()))
    assert shown == [40, 200]


@pytest.fixture
def l3das(tmp_path):
    import cv2

    data = tmp_path / "L3DAS23_Task2_train" / "data"
    for microphone in "AB":
        sound(data / f"split0_ov2_7_{microphone}.wav", rate=32000)
    text(
        tmp_path / "L3DAS23_Task2_train" / "labels" / "label_split0_ov2_7.csv",
        "File,Start,End,Class,X,Y,Z\na.wav,0.08,0.31,Knock,0,2,0\nb.wav,0.2,0.2,Female_speech_and_woman_speaking,3,0,4\n",
    )
    sound(tmp_path / "L3DAS23_Task2_dev" / "data" / "split4_ov1_0_A.wav", rate=32000)
    text(
        tmp_path / "L3DAS23_Task2_dev" / "labels" / "label_split4_ov1_0.csv",
        "Start,End,Class,rho,theta,z\n0,0.1,Writing,1.0,-90,1.0\n",
    )
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "room7.png"), np.full((512, 512, 3), (10, 20, 30), np.uint8))
    text(tmp_path / "audio_image.csv", "split0_ov2_7_A.wav,room7.png\n")
    return tmp_path


def test_l3das23(l3das):
    train, test = l3das_recordings(l3das, l3das / "images", l3das / "audio_image.csv")
    assert (train.split, test.split, test.pictures) == ("train", "test", None)
    assert train.microphones[0].name == "split0_ov2_7_B.wav" and test.microphones == ()
    rows = train.rows()
    assert [(r.frame, r.class_index, r.source) for r in rows] == [(1, 7, 0), (2, 7, 0), (2, 4, 1), (3, 7, 0)]
    assert rows[0].azimuth_deg == pytest.approx(90) and rows[0].distance_m == 2
    assert rows[2].elevation_deg == pytest.approx(np.degrees(np.arctan2(4, 3))) and rows[2].distance_m == 5
    (first, _) = test.rows()
    assert (first.azimuth_deg, first.elevation_deg) == pytest.approx((-90, 45))
    assert train.samples(24000).shape == (24000, 4)
    pictures = read_pictures(train.pictures, 3, 64, 64)
    assert pictures.shape == (3, 64, 64, 3) and pictures[2, 0, 0].tolist() == [30, 20, 10]  # RGB


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,0,1,Dragon,1,0,0", "dragon"),
        ("a,0,x,Knock,1,0,0", "column End"),
        ("a,2,1,Knock,1,0,0", "ends at 1 s before"),
        ("a,0,1,Knock,0,0,0", "no direction"),
        ("a,0,1,Knock,1,0", "column Z"),
    ],
)
def test_bad_labels_of_l3das_are_named_with_their_line(l3das, row, words):
    path = l3das / "L3DAS23_Task2_train" / "labels" / "label_split0_ov2_7.csv"
    path.write_text("File,Start,End,Class,X,Y,Z\na,0,1,Knock,1,0,0\n" + row + "\n")
    with pytest.raises(InputError, match=r"label_split0_ov2_7.csv:3") as caught:
        l3das_recordings(l3das)[0].rows()
    assert words in str(caught.value)


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="not L3DAS23"):
        l3das_recordings(tmp_path)
    with pytest.raises(InputError, match="not STARSS"):
        starss_recordings(tmp_path)
