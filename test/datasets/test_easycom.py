"""A miniature of EasyCom with everything that is odd about it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from avloc_ros.config import shipped_folder
from avloc_ros.datasets.glasses.easycom import (
    SPLITS,
    EasyComConfig,
    EasyComName,
    easycom_recordings,
    read_activity,
    read_boxes,
    read_easycom,
)
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import write_audio
from avloc_ros.sources.video_file import VideoWriter
from avloc_ros.types import InputError

FRAMES = 6
BANNER_PX = 64
CONFIG = EasyComConfig(rows=108, cols=192)


def person(number, x1, y1, x2, y2):
    return {"Participant_ID": number, "x1": x1, "y1": y1, "x2": x2, "y2": y2}


def write(root, session, *, banner=0, stem="01-00-000"):
    """Frames are grey with a white square at x 960..1152, y 216..432 of the 1920 x 1080 picture."""
    name = EasyComName(session, stem)
    for kind in ("Video_Compressed", "Glasses_Microphone_Array_Audio", "Face_Bounding_Boxes",
                 "Head_Bounding_Boxes", "Speech_Transcriptions"):  # fmt: skip
        name.path(root, kind, "").parent.mkdir(parents=True, exist_ok=True)
    image = np.full((1080, 1920 + banner, 3), 60, np.uint8)
    image[216:432, banner + 960 : banner + 1152] = 250
    image[:, :banner] = (0, 0, 250)
    with VideoWriter(name.path(root, "Video_Compressed", ".mp4"), (1920 + banner, 1080), 20.0) as video:
        for _ in range(FRAMES):
            video.write(image)
    sound = np.random.default_rng(0).normal(0, 0.05, (FRAMES * 2400, 6))
    write_audio(name.path(root, "Glasses_Microphone_Array_Audio", ".wav"), sound, 48000, "S32LE")
    square = (960, 216, 1152, 432)
    faces = [
        {"Frame_Number": 1, "Participants": person(4, *square)},
        {"Frame_Number": 2, "Participants": [person(4, *square), person(2, 0, 0, 90, 90)]},
        {"Frame_Number": 3, "Participants": [person(4, *square), person(5, 100, 100, 200, 200)]},
        {"Frame_Number": 5, "Participants": []},
    ]
    heads = [{"Frame_Number": k, "Participants": person(4, *square)} for k in range(FRAMES)]
    talk = [
        {"Start_Frame": 2, "End_Frame": 3, "Participant_ID": 4, "Transcription": "that’s “fine”"},
        {"Start_Frame": 5, "End_Frame": 99, "Participant_ID": 2, "Transcription": "yes"},
    ]
    name.path(root, "Face_Bounding_Boxes", ".json").write_text(json.dumps(faces))
    name.path(root, "Head_Bounding_Boxes", ".json").write_text(json.dumps(heads))
    text = json.dumps(talk, ensure_ascii=False)
    name.path(root, "Speech_Transcriptions", ".json").write_bytes(text.encode("cp1252"))
    return name


def test_faces_count_from_one_and_a_lone_participant_needs_no_list(tmp_path):
    recording = read_easycom(tmp_path, write(tmp_path, 1), CONFIG)
    assert recording.frames == FRAMES and recording.sample_rate_hz == 16000
    assert recording.samples.shape == (FRAMES * 800, 6)
    assert [[b.person for b in boxes] for boxes in recording.boxes] == [["4"], ["4"], ["4", "5"], [], [], []]
    assert [any(b.speaking for b in boxes) for boxes in recording.boxes] == [False, True, True, False, False, False]
    assert list(recording.wearer_speaking) == [False, False, False, False, True, True]


def test_heads_count_from_zero(tmp_path):
    name = write(tmp_path, 1)
    recording = read_easycom(tmp_path, name, EasyComConfig(rows=108, cols=192, boxes="head"))
    assert all(len(boxes) == 1 for boxes in recording.boxes)


def test_the_mask_lies_on_the_pixels_of_the_face(tmp_path):
    recording = read_easycom(tmp_path, write(tmp_path, 1), CONFIG)
    bright = recording.images[1].mean(axis=2) > 150
    assert (recording.mask(1).astype(bool) == bright).mean() > 0.995
    assert recording.mask(1).sum() == pytest.approx(19 * 22, abs=25)
    assert not recording.mask(0).any()  # there, but silent


def test_the_banner_of_session_8_is_cut_off(tmp_path):
    recording = read_easycom(tmp_path, write(tmp_path, 8, banner=BANNER_PX), CONFIG)
    assert recording.images.shape == (FRAMES, 108, 192, 3)
    bright = recording.images[1].mean(axis=2) > 150
    assert (recording.mask(1).astype(bool) == bright).mean() > 0.995
    assert (np.abs(recording.images[0, :, 0].astype(int) - 60) < 12).all()  # no red at the left edge


def test_pictures_may_stay_on_disk(tmp_path):
    name = write(tmp_path, 1)
    in_memory = read_easycom(tmp_path, name, CONFIG)
    first = read_easycom(tmp_path, name, CONFIG, cache=tmp_path / "cache")
    name.path(tmp_path, "Video_Compressed", ".mp4").unlink()  # it is not needed again
    again = read_easycom(tmp_path, name, CONFIG, cache=tmp_path / "cache")
    assert isinstance(again.images, np.memmap)
    assert (first.images == in_memory.images).all() and (again.images == in_memory.images).all()


def test_splits_are_the_published_ones(tmp_path):
    assert SPLITS == {"train": (1, 2, 3, 5, 6, 7, 8, 9), "val": (4, 12), "test": (10, 11)}
    write(tmp_path, 12)
    write(tmp_path, 4, stem="00-30-000")
    assert easycom_recordings(tmp_path, "val") == [EasyComName(4, "00-30-000"), EasyComName(12, "01-00-000")]
    with pytest.raises(InputError, match="no EasyCom videos of sessions 10, 11"):
        easycom_recordings(tmp_path, "test")
    with pytest.raises(InputError, match="not known"):
        easycom_recordings(tmp_path, "dev")


def test_errors_name_the_file_and_the_entry(tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text('[{"Frame_Number": 1, "Participants": {"Participant_ID": 3, "x1": 0}}]')
    with pytest.raises(InputError, match=r"boxes\.json entry 0.*y1"):
        read_boxes(path, 1)
    path.write_text('[{"Frame_Number": 0, "Participants": []}]')
    with pytest.raises(InputError, match="frames start at 1"):
        read_boxes(path, 1)
    path.write_text('[{"Start_Frame": 1}]')
    with pytest.raises(InputError, match="Participant_ID"):
        read_activity(path, 1, 5)
    path.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_boxes(path, 1)
    with pytest.raises(InputError, match="no EasyCom file"):
        read_boxes(tmp_path / "none.json", 1)


def test_the_shipped_array_is_the_published_one_in_our_axes():
    published_mm = np.array([(82, -5, -29), (-1, -1, 30), (-77, -2, 11), (-83, -5, -60)])  # x left, y up, z forward
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "glasses_6mic.yaml")
    assert array.positions_m[:4] * 1000 == pytest.approx(published_mm[:, [2, 0, 1]])
    left, right = array.positions_m[4:]
    assert left[1] > 0 > right[1]
