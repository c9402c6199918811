"""The AVDIAR loader on a miniature with the corpus's layout, spelling and file formats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.datasets.avdiar.corpus import find_sequences, load_sequence
from avloc_ros.datasets.avdiar.truth import read_turns
from avloc_ros.evaluation.inputs.avdiar_input import avdiar_inputs, require_sequences
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import write_audio
from avloc_ros.sources.video_file import VideoWriter
from avloc_ros.types import InputError

NAME, FRAMES, RATE = "Seq20-2P-S1M1", 10, 48000


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two people for 10 frames: 1 is always in the picture and speaks in frames 0..4, 2 enters with frame 3, speaks in 5..9."""
    pytest.importorskip("soundfile", reason="soundfile writes the sound")
    folder = tmp_path / NAME
    for part in ("Audio", "Video", "GroundTruth"):
        (folder / part).mkdir(parents=True)
    sound = np.repeat(np.arange(FRAMES) / 20.0, 1920)[:, None] * np.ones(6)
    write_audio(folder / "Audio" / f"{NAME}.wav", sound, RATE)
    for camera, level in (("CAM1", 20), ("CAM2", 250)):
        with VideoWriter(folder / "Video" / f"{NAME}_{camera}.mp4", (720, 450), 25.0) as writer:
            for frame in range(FRAMES):
                writer.write(np.full((450, 720, 3), level + 5 * frame * (camera == "CAM1"), np.uint8))
    boxes = [f"{frame},1,330,180,60,90" for frame in range(FRAMES)]
    boxes += [f"{frame},2,{500 + frame}.5,100.25,30,50" for frame in range(3, FRAMES)]
    truth = folder / "GroundTruth"
    (truth / "face_bb.txt").write_text(
        "\n".join(sorted(boxes, key=lambda row: int(row.split(",")[0]))) + "\n"
    )
    (truth / "person_bb.txt").write_text("0,1,300,150,120,300\n")
    (truth / "speakers.rttm").write_text(
        f"SPKR-INFO {NAME} 1 <NA> <NA> <NA> unknown Person-1 <NA>\n"
        f"SPEAKER {NAME} 1 0.000 0.200 <NA> <NA> Person-1 <NA>\n"
        f"SPKR-INFO {NAME} 1 <NA> <NA> <NA> unknown Person-2 <NA>\n"
        f"SPEAKER {NAME} 1 0.200 0.200 <NA> <NA> Person-2 <NA>\n"
    )
    (truth / "vad.rttm").write_text(f"SPEAKER {NAME} 1 0.000 0.400 <NA> <NA> speech <NA>\n")
    summary = {
        "SequenceName": NAME, "Length_in_sec": 0.4, "Audio_Channel": 6, "Audio_FS": RATE, "Video_FPS": 25,
        "Number_of_Image": FRAMES, "CalibrationID": 2, "Image_Resoultion_WH": [720, 450],
    }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_truth_is_who_speaks_where(corpus: Path) -> None:
    (item,) = avdiar_inputs(corpus)
    assert (item.name, item.fps, item.frames, item.sample_rate_hz) == (NAME, 25.0, FRAMES, RATE)
    spoken = {f: [(row.speaker, row.speaking) for row in item.truth[f]] for f in range(FRAMES)}
    assert spoken[0] == [("person1", True)]
    assert spoken[4] == [("person1", True), ("person2", False)]
    assert spoken[5] == [("person1", False), ("person2", True)]
    row = item.truth[7][1]
    assert (row.u_px, row.v_px) == (507.5 + 15, 100.25 + 25)  # left + width / 2, top + height / 2
    assert row.azimuth_rad == pytest.approx(
        -np.arctan((522.5 - 360) / 318.5)
    )  # right of the middle: negative
    assert item.truth[0][0].azimuth_rad == 0.0 and item.truth[0][0].visible


def test_sound_and_pictures_of_camera_1_come_together(corpus: Path) -> None:
    (item,) = find_inputs([corpus])
    moments = list(item.moments())
    assert [frame for frame, _, _ in moments] == list(range(FRAMES))
    for frame, window, picture in moments:
        assert window is not None and picture is not None
        assert window.samples.shape == (1920, 6)
        np.testing.assert_allclose(window.samples, frame / 20.0, atol=1e-4)
        assert picture.image.mean() == pytest.approx(20 + 5 * frame, abs=4)


def test_nested_folders_and_single_sequences_are_found(corpus: Path, tmp_path: Path) -> None:
    nested = tmp_path / "all" / NAME
    nested.parent.mkdir()
    nested.mkdir()
    (corpus / NAME).rename(nested / NAME)
    assert find_sequences(tmp_path / "all") == [nested / NAME] == find_sequences(nested / NAME)
    require_sequences([tmp_path / "all"])
    with pytest.raises(InputError, match="no AVDIAR sequence"):
        require_sequences([tmp_path / "all" / "nothing"])


def test_frames_that_count_from_one_are_seen(corpus: Path) -> None:
    file = corpus / NAME / "GroundTruth" / "face_bb.txt"
    rows = [line.split(",", 1) for line in file.read_text().splitlines()]
    file.write_text("\n".join(f"{int(frame) + 1},{rest}" for frame, rest in rows))
    sequence = load_sequence(corpus / NAME)
    assert sorted(sequence.faces) == list(range(FRAMES)) and sequence.faces_beyond_video == 0


def test_speech_of_somebody_without_a_box_is_counted_not_invented(corpus: Path) -> None:
    file = corpus / NAME / "GroundTruth" / "face_bb.txt"
    file.write_text(
        "\n".join(line for line in file.read_text().splitlines() if not line.startswith(("0,1", "9,2")))
    )
    (item,) = avdiar_inputs(corpus)
    assert 0 not in item.truth and [row.speaker for row in item.truth[9]] == ["person1"]
    assert item.extra["speech_frames_without_a_face"] == 2


def test_turns_without_a_number_belong_to_the_person_before(tmp_path: Path) -> None:
    file = tmp_path / "speakers.rttm"
    file.write_text(
        "SPKR-INFO s 1 <NA> <NA> <NA> unknown spk-3 <NA>\nSPEAKER s 1 1.5 2.0 <NA> <NA> <NA> <NA>\n"
    )
    (turn,) = read_turns(file)
    assert (turn.person, turn.start_s, turn.end_s) == (3, 1.5, 3.5)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("GroundTruth/face_bb.txt", "3,1,330,180,60", "face_bb.txt line 1: 5 fields"),
        ("GroundTruth/face_bb.txt", "3,1,330,abc,60,70", "face_bb.txt line 1: .*abc"),
        ("GroundTruth/face_bb.txt", "3,1,330,180,0,70", "face_bb.txt line 1: a face of 0x70"),
        (
            "GroundTruth/speakers.rttm",
            "SPEAKER s 1 0.0 x <NA> <NA> Person-1 <NA>",
            "speakers.rttm line 1: .*'x'",
        ),
        (
            "GroundTruth/speakers.rttm",
            "SPEAKER s 1 0.0 1.0 <NA> <NA> nobody <NA>",
            "speakers.rttm line 1: whose turn",
        ),
        (
            "GroundTruth/speakers.rttm",
            "SPKR-INFO s 1 <NA> <NA> <NA> unknown nobody",
            "line 1: field 8 of SPKR-INFO",
        ),
        ("GroundTruth/vad.rttm", "NOISE s 1 0 1", "vad.rttm line 1: need SPEAKER"),
        ("summary.json", "{}", "SequenceName, .*Image_Resoultion_WH missing"),
        ("summary.json", "{", "summary.json is not JSON"),
    ],
)
def test_malformed_content_is_named_by_file_and_line(
    corpus: Path, file: str, line: str, message: str
) -> None:
    (corpus / NAME / file).write_text(line + "\n")
    with pytest.raises(InputError, match=message):
        load_sequence(corpus / NAME)


def test_an_array_of_another_size_is_refused_and_a_file_can_name_one(corpus: Path) -> None:
    with pytest.raises(InputError, match="6 channels, the array 'array' 2"):
        avdiar_inputs(corpus, MicrophoneArray(np.eye(3)[:2]))
    positions = (np.arange(18).reshape(6, 3) / 100).tolist()
    camera = {"width": 720, "height": 450, "fx": 400, "fy": 400, "cx": 360, "cy": 225}
    (corpus / "geometry.yaml").write_text(json.dumps({"array": {"positions_m": positions}, "camera": camera}))
    (item,) = avdiar_inputs(corpus)
    assert item.array is not None and item.array.positions_m[5, 2] == 0.17
    assert item.truth[7][1].azimuth_rad == pytest.approx(-np.arctan((522.5 - 360) / 400))


def test_evaluate_reads_the_corpus_and_nothing_else_will_do(corpus: Path, tmp_path: Path) -> None:
    from avloc_ros.cli.main import main

    (tmp_path / "empty").mkdir()
    assert (
        main(["evaluate", str(tmp_path / "empty"), "--dataset", "avdiar", "--out", str(tmp_path / "no")]) == 2
    )
    assert main(["evaluate", str(corpus), "--dataset", "avdiar", "--out", str(tmp_path / "out")]) == 0
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert figures["frames"] == FRAMES and NAME in figures["inputs"]
