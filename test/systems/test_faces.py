"""The face tracker on drawn faces: formats, small faces, reasons, changes of size and of time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from avloc_ros.runtime.calibration_pictures import drawn_portrait
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.types import FaceDetections, InputError, VideoFrame

FRAME_NS = 40_000_000
PORTRAIT_FACE = np.array([150.0, 131.0]) / 300  # where the drawing has its face


def scene(
    faces: list[tuple[int, int, int]], width: int = 720, height: int = 450, noise: int = 0
) -> np.ndarray:
    """A BGR room with drawn portraits at (left, top, side)."""
    random = np.random.default_rng(noise)
    picture = np.full((height, width, 3), (140, 150, 145), np.uint8)
    picture[::40] = 90
    picture = np.clip(picture + random.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
    for left, top, side in faces:
        small = cv2.resize(drawn_portrait(190), (side, side), interpolation=cv2.INTER_AREA)
        picture[top : top + side, left : left + side] = small
    return picture


@pytest.fixture
def tracker() -> Iterator[FaceTracker]:
    made = FaceTracker(FaceConfig(small_faces="off", device="cpu"))
    yield made
    made.close()


def near(found: FaceDetections, left: int, top: int, side: int) -> bool:
    """Whether a face lies at the face of the portrait."""
    expected = np.array([left, top]) + PORTRAIT_FACE * side
    return any(np.linalg.norm(np.array(face.centre) - expected) < 0.1 * side for face in found.faces)


def test_a_face_is_found_where_it_is(tracker: FaceTracker) -> None:
    found = tracker.step(VideoFrame(5, scene([(400, 100, 200)]), "front"))
    assert len(found.faces) == 1 and near(found, 400, 100, 200)
    face = found.faces[0]
    assert 0.4 < face.score <= 1 and len(face.landmarks) == 5
    assert all(face.left < u < face.left + face.width for u, _ in face.landmarks)
    assert (found.stamp_ns, found.image_size, found.frame_id) == (5, (720, 450), "front")


@pytest.mark.parametrize("kind", ["grey", "bgra", "16 bit", "float", "not contiguous"])
def test_other_picture_formats_work_too(tracker: FaceTracker, kind: str) -> None:
    picture = scene([(400, 100, 200)])
    image = {
        "grey": cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),
        "bgra": cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA),
        "16 bit": picture.astype(np.uint16) * 256,
        "float": picture.astype(np.float32) / 255,
        "not contiguous": np.asfortranarray(picture),
    }[kind]
    assert near(tracker.step(VideoFrame(0, image)), 400, 100, 200)


def test_an_empty_picture_is_refused_and_the_next_one_works(tracker: FaceTracker) -> None:
    with pytest.raises(InputError, match="pixels"):
        tracker.step(VideoFrame(0, np.zeros((0, 0, 3), np.uint8)))
    with pytest.raises(InputError, match="type"):
        tracker.step(VideoFrame(0, np.zeros((64, 64, 3), np.int64)))
    assert near(tracker.step(VideoFrame(1, scene([(400, 100, 200)]))), 400, 100, 200)


def test_the_picture_may_change_its_size(tracker: FaceTracker) -> None:
    for width, height in ((720, 450), (1920, 1080), (320, 240), (64, 300)):
        found = tracker.step(VideoFrame(0, scene([(width // 8, 10, width // 4)], width, height)))
        assert found.image_size == (width, height)
        assert all(0 <= face.left and face.left + face.width <= width for face in found.faces)
        if width > 64:
            assert near(found, width // 8, 10, width // 4)


def test_small_faces_are_found_by_the_full_pass_and_carried(tracker: FaceTracker) -> None:
    full = FaceTracker(FaceConfig(small_faces="sync", small_face_interval_s=0.24, device="cpu"))
    missed = seen = 0
    for index in range(12):
        left = 300 + 2 * index
        frame = VideoFrame(index * FRAME_NS, scene([(left, 200, 42)], noise=index))
        missed += not near(tracker.step(frame), left, 200, 42)
        seen += near(full.step(frame), left, 200, 42)
        if index == 9:
            assert str(full.status().fast) == "25.0/s, the last 0.00 s old"
            assert full.status().full.age_s == pytest.approx(0.12)  # of passes 0.24 s apart
            assert full.status().full.per_s == pytest.approx(1 / 0.36)
            assert str(tracker.status().full) == "none yet"
    assert missed == 12  # 12 pixels are too few for the fast pass
    assert seen == 12
    full.close()


def test_a_small_face_that_goes_is_dropped() -> None:
    full = FaceTracker(FaceConfig(small_faces="sync", small_face_interval_s=10.0, device="cpu"))
    assert len(full.step(VideoFrame(0, scene([(300, 200, 42)]))).faces) == 1
    assert full.step(VideoFrame(FRAME_NS, scene([]))).faces == ()
    full.close()


def test_sync_repeats_exactly() -> None:
    frames = [
        VideoFrame(k * FRAME_NS, scene([(300 + 3 * k, 200, 42), (50, 50, 200)], noise=k)) for k in range(12)
    ]
    runs = []
    for _ in range(2):
        full = FaceTracker(FaceConfig(small_faces="sync", small_face_interval_s=0.2, device="cpu"))
        runs.append([full.step(frame) for frame in frames])
        full.close()
    assert runs[0] == runs[1]


def test_async_adds_small_faces_while_frames_go_on() -> None:
    live = FaceTracker(FaceConfig(small_faces="async", small_face_interval_s=0.2, device="cpu"))
    seen: list[bool] = []
    begin = time.monotonic()
    while not any(seen) and time.monotonic() - begin < 20:
        index = len(seen)
        found = live.step(VideoFrame(index * FRAME_NS, scene([(100 + index, 200, 42)], noise=index)))
        seen.append(near(found, 100 + index, 200, 42))
        time.sleep(0.02)
    live.close()
    assert not seen[0], "the first frame does not wait for the full pass"
    assert seen[-1]


def test_a_jump_back_in_time_forgets_the_past() -> None:
    full = FaceTracker(FaceConfig(small_faces="sync", small_face_interval_s=60.0, device="cpu"))
    full.step(VideoFrame(10**12, scene([])))
    assert len(full.step(VideoFrame(0, scene([(300, 200, 42)]))).faces) == 1  # a pass is due at once
    full.close()


def test_a_face_in_the_dark_half_of_a_room_is_found(tracker: FaceTracker) -> None:
    picture = scene([(100, 100, 200), (450, 100, 200)]).astype(np.float32)
    picture[:, :360] *= 0.04
    noise = np.random.default_rng(3).normal(0, 1, picture.shape)
    dark = np.clip(picture + noise, 0, 255).astype(np.uint8)
    found = tracker.step(VideoFrame(0, dark))
    assert near(found, 100, 100, 200) and near(found, 450, 100, 200)
    plain = FaceTracker(FaceConfig(small_faces="off", brighten_dark=False, device="cpu"))
    assert not near(plain.step(VideoFrame(0, dark)), 100, 100, 200)
    plain.close()


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((450, 720, 3), np.uint8), "black"),
        (np.full((450, 720, 3), 5, np.uint8), "very dark"),
        (np.full((450, 720, 3), 255, np.uint8), "white"),
        (np.full((450, 720, 3), 128, np.uint8), "plain colour"),
    ],
)
def test_status_says_why_there_are_no_faces(tracker: FaceTracker, picture: np.ndarray, said: str) -> None:
    assert tracker.step(VideoFrame(0, picture)).faces == ()
    assert any(said in reason for reason in tracker.status().reasons)
    tracker.step(VideoFrame(1, scene([])))
    assert tracker.status().reasons == ()


def test_status_says_that_the_picture_is_frozen(tracker: FaceTracker) -> None:
    picture = scene([(400, 100, 200)])
    for index in range(60):
        tracker.step(VideoFrame(index * FRAME_NS, picture)) if index % 10 == 0 else None
    assert any("frozen" in reason for reason in tracker.status().reasons)
    tracker.step(VideoFrame(60 * FRAME_NS, scene([], noise=1)))
    assert tracker.status().reasons == ()


def test_status_says_what_runs(tracker: FaceTracker) -> None:
    status = tracker.status()
    assert (status.kind, status.precision, status.device, status.input_size) == (
        "centerface",
        "int8",
        "cpu",
        (480, 320),
    )
    plain = FaceTracker(FaceConfig(small_faces="off", precision="fp32", width=96, height=70))
    assert (plain.status().precision, plain.status().input_size) == ("fp32", (96, 96))
    plain.close()


def test_first_start_goes_over_to_int8_by_itself(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    live = FaceTracker(FaceConfig(small_faces="async", width=96, height=64, device="cpu"))
    begin, picture = time.monotonic(), scene([(400, 100, 200)])
    precisions = []
    while time.monotonic() - begin < 30 and (not precisions or precisions[-1] != "int8"):
        live.step(VideoFrame(len(precisions) * FRAME_NS, picture))
        precisions.append(live.status().precision)
        time.sleep(0.05)
    assert precisions[0] == "fp32" and precisions[-1] == "int8"
    live.close()
    live.close()


def test_a_missing_model_is_named() -> None:
    with pytest.raises(InputError, match="no face model at"):
        FaceTracker(FaceConfig(model="/nowhere/face.onnx"))
