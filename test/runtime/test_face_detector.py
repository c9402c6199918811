"""The face networks that a user may bring, against OpenCV's YuNet, the priors inside Ultra-Light, and the boxes."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from avloc_ros.models.faces.boxes import overlaps
from avloc_ros.models.faces.ultralight import boxes_are_decoded, decode_ultralight, priors
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.face_detector import FaceDetector
from avloc_ros.types import InputError

BROUGHT = {
    "yunet_n_dynamic.onnx": "yunet",
    "yunet_s_dynamic.onnx": "yunet",
    "yunet_n_320_320.onnx": "yunet",
    "yunet_n_640_640.onnx": "yunet",
    "ultralight_version-RFB-320.onnx": "ultralight",
    "ultralight_version-RFB-640.onnx": "ultralight",
}


def photographs(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """(BGR picture, boxes (n, 4) as corners) of the first three photographs."""
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    with (folder / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (float(row[key]) for key in "xywh")
            if row["ignore"] == "0":
                boxes[row["file"]].append([left, top, left + width, top + height])
    return [(cv2.imread(str(folder / name)), np.array(boxes[name])) for name in sorted(boxes)[:3]]


@pytest.mark.parametrize("name", BROUGHT)
def test_brought_networks_find_every_face_in_the_office(name: str, kit_models: Path, kit_faces: Path) -> None:
    detector = FaceDetector(OnnxEngine(kit_models / name, "cpu"))
    assert detector.kind == BROUGHT[name]
    for picture, truth in photographs(kit_faces):
        found = detector.detect(picture)
        assert min(overlaps(box, found.boxes).max() for box in truth) > 0.5
        assert len(found) <= len(truth) + 1


def test_yunet_equals_opencvs_own_reader(kit_models: Path, kit_faces: Path) -> None:
    path = kit_models / "yunet_n_640_640.onnx"
    picture = cv2.resize(photographs(kit_faces)[0][0], (640, 640))
    try:
        reference = cv2.FaceDetectorYN.create(str(path), "", (640, 640), 0.6, 0.3)
        expected = reference.detect(picture)[1]
    except cv2.error as error:
        pytest.skip(f"this OpenCV cannot run the YuNet file: {error}")
    found = FaceDetector(
        OnnxEngine(path, "cpu"), score_threshold=0.6, nms_iou=0.3, brighten_dark=False
    ).detect(picture)
    np.testing.assert_allclose(found.scores, expected[:, 14], atol=1e-3)
    np.testing.assert_allclose(found.boxes[:, :2], expected[:, :2], atol=0.05)
    np.testing.assert_allclose(found.boxes[:, 2:] - found.boxes[:, :2], expected[:, 2:4], atol=0.05)
    np.testing.assert_allclose(found.landmarks.reshape(-1, 10), expected[:, 4:14], atol=0.05)


@pytest.mark.parametrize(("name", "width", "height"), [("320", 320, 240), ("640", 640, 480)])
def test_ultralight_priors_equal_those_inside_the_file(
    name: str, width: int, height: int, kit_models: Path
) -> None:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(kit_models / f"ultralight_version-RFB-{name}.onnx")).graph
    constants = [
        numpy_helper.to_array(item.t)
        for node in graph.node
        for item in node.attribute
        if item.name == "value"
    ]
    constants += [numpy_helper.to_array(item) for item in graph.initializer]
    mine = priors(width, height)
    halves = [c.reshape(-1, 2) for c in constants if c.size == mine.size // 2 and c.shape[-1] == 2]
    halves += [
        half for c in constants if c.size == mine.size for half in np.split(c.reshape(-1, 4), 2, axis=1)
    ]
    assert any(np.allclose(half, mine[:, :2], atol=1e-4) for half in halves)
    assert any(np.allclose(half, mine[:, 2:], atol=1e-4) for half in halves)


def test_ultralight_offsets_to_priors_give_the_same_boxes() -> None:
    anchors = priors(320, 240)
    scores = np.zeros((1, len(anchors), 2), np.float32)
    scores[0, [10, 4000], 1] = 0.9
    offsets = np.random.default_rng(0).normal(0, 1, (1, len(anchors), 4)).astype(np.float32)
    assert not boxes_are_decoded(offsets)
    found = decode_ultralight(scores, offsets, 320, 240, 0.5, decoded=False)
    for box, index in zip(found.boxes, (10, 4000), strict=True):
        u, v, width, height = anchors[index].astype(float)
        du, dv, dw, dh = offsets[0, index].astype(float)
        middle = np.array([(u + du * 0.1 * width) * 320, (v + dv * 0.1 * height) * 240])
        size = np.array([width * np.exp(0.2 * dw) * 320, height * np.exp(0.2 * dh) * 240])
        np.testing.assert_allclose(box, [*(middle - size / 2), *(middle + size / 2)], rtol=1e-4, atol=1e-3)


def test_other_networks_are_refused(convolution: tuple[bytes, np.ndarray], kit_models: Path) -> None:
    with pytest.raises(InputError, match="no known face network"):
        FaceDetector(OnnxEngine(convolution[0], "cpu"))
    with pytest.raises(InputError, match="is no yunet"):
        FaceDetector(OnnxEngine(convolution[0], "cpu"), kind="yunet")
    with pytest.raises(InputError, match="silero"):
        FaceDetector(OnnxEngine(kit_models / "silero_vad.onnx", "cpu"))
