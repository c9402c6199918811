"""Darknet's .cfg and .weights against OpenCV's own reader, on random weights."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avloc_ros.models.faces.darknet import darknet_files, darknet_to_onnx, read_cfg
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError

SMALL = """
[net]
width=64
height=32
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=8
size=1
stride=1
pad=1
activation=mish
[convolutional]
batch_normalize=1
filters=16
size=3
stride=1
pad=1
activation=leaky
[shortcut]
from=-3
activation=linear
[maxpool]
size=2
stride=1
[convolutional]
size=1
stride=1
pad=1
filters=12
activation=linear
[yolo]
mask=2,3
anchors=4,6, 9,12, 20,30, 40,25
classes=1
num=4
thresh=0.0001
[route]
layers=-3
[upsample]
stride=2
[route]
layers=-1,1
[convolutional]
size=1
stride=1
pad=1
filters=12
activation=linear
[yolo]
mask=0,1
anchors=4,6, 9,12, 20,30, 40,25
classes=1
num=4
thresh=0.0001
"""


def yolov3_cfg(width: int, height: int, narrow: int, classes: int = 1) -> str:
    """The full YOLOv3 layout (Darknet-53 and three heads) with all filters divided by `narrow`."""
    parts = [f"[net]\nwidth={width}\nheight={height}\nchannels=3\n"]

    def conv(filters: int, size: int, stride: int = 1) -> None:
        parts.append(
            f"[convolutional]\nbatch_normalize=1\nfilters={filters // narrow}\nsize={size}\nstride={stride}\npad=1\n"
            "activation=leaky\n"
        )

    conv(32, 3)
    for filters, repeats in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        conv(filters, 3, 2)
        for _ in range(repeats):
            conv(filters // 2, 1)
            conv(filters, 3)
            parts.append("[shortcut]\nfrom=-3\nactivation=linear\n")
    for level, (filters, mask) in enumerate(((512, "6,7,8"), (256, "3,4,5"), (128, "0,1,2"))):
        if level:
            parts.append("[route]\nlayers=-4\n")
            conv(filters, 1)
            parts.append("[upsample]\nstride=2\n")
            parts.append(f"[route]\nlayers=-1,{(61, 36)[level - 1]}\n")
        for _ in range(3):
            conv(filters, 1)
            conv(filters * 2, 3)
        parts.append(
            f"[convolutional]\nsize=1\nstride=1\npad=1\nfilters={3 * (5 + classes)}\nactivation=linear\n"
        )
        parts.append(
            f"[yolo]\nmask={mask}\nanchors=10,13, 16,30, 33,23, 30,61, 62,45, 59,119, 116,90, 156,198, 373,326\n"
            f"classes={classes}\nnum=9\nthresh=0.0001\n"
        )
    return "\n".join(parts)


def random_weights(cfg: str, seed: int = 0) -> bytes:
    """A .weights file for a cfg; it counts the channels on its own, layer by layer."""
    random = np.random.default_rng(seed)
    channels, numbers, last = [], [], 3
    for section in read_cfg(cfg)[1:]:
        if section.name == "convolutional":
            filters, size = section.integer("filters", 1), section.integer("size", 1)
            numbers.append(random.normal(0, 0.1, filters))
            if section.integer("batch_normalize", 0):
                numbers += [random.uniform(0.8, 1.2, filters), random.normal(0, 0.1, filters)]
                numbers.append(random.uniform(0.8, 1.2, filters))
            numbers.append(
                random.normal(0, (0.5 / (last * size * size)) ** 0.5, filters * last * size * size)
            )
            last = filters
        elif section.name == "route":
            layers = section.integers("layers")
            last = sum(channels[index if index >= 0 else len(channels) + index] for index in layers)
        channels.append(last)
    header = np.array([0, 2, 5], np.int32).tobytes() + np.int64(32013312).tobytes()
    return header + np.concatenate(numbers).astype(np.float32).tobytes()


def opencv_rows(cfg: str, weights: bytes, picture: np.ndarray) -> np.ndarray:
    """What OpenCV makes of it: (n, 5 + classes) with shares of the picture, class scores times objectness."""
    net = cv2.dnn.readNetFromDarknet(np.frombuffer(cfg.encode(), np.uint8), np.frombuffer(weights, np.uint8))
    net.setInput(picture)
    return np.concatenate(net.forward(net.getUnconnectedOutLayersNames()))


@pytest.mark.parametrize("cfg", [SMALL, yolov3_cfg(96, 64, narrow=8)], ids=["small", "yolov3_layout"])
def test_same_boxes_and_scores_as_opencv(cfg: str) -> None:
    weights = random_weights(cfg)
    engine = OnnxEngine(darknet_to_onnx(cfg, weights), "cpu")
    height, width = engine.inputs["picture"][2:]
    picture = np.random.default_rng(1).random((1, 3, height, width)).astype(np.float32)
    table = engine.run({"picture": picture})["table"][0]  # (n, 6)
    expected = opencv_rows(cfg, weights, picture)
    mine = np.concatenate(
        [table[:, :4] / [width, height, width, height], table[:, 4:5], table[:, 4:5] * table[:, 5:]], 1
    )
    # OpenCV sets scores under `thresh` to zero, and orders the heads by name.
    mine[:, 5:][mine[:, 5:] < 1e-4] = 0
    order, expected_order = np.lexsort(mine.round(4).T[:2]), np.lexsort(expected.round(4).T[:2])
    assert mine.shape == expected.shape
    np.testing.assert_allclose(mine[order], expected[expected_order], rtol=1e-4, atol=1e-4)


def test_input_size_can_differ_from_the_cfg() -> None:
    engine = OnnxEngine(darknet_to_onnx(SMALL, random_weights(SMALL), 96, 64), "cpu")
    assert engine.inputs["picture"] == (1, 3, 64, 96)
    rows = engine.run({"picture": np.zeros((1, 3, 64, 96), np.float32)})["table"].shape[1]
    assert rows == 2 * (24 * 16) + 2 * (48 * 32)


def test_weights_that_do_not_fit_are_refused() -> None:
    weights = random_weights(SMALL)
    with pytest.raises(InputError, match="ends at layer"):
        darknet_to_onnx(SMALL, weights[:-8])
    with pytest.raises(InputError, match="2 numbers too many"):
        darknet_to_onnx(SMALL, weights + bytes(8))
    with pytest.raises(InputError, match="empty or cut off"):
        darknet_to_onnx(SMALL, b"")


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        ("width=3", "neither"),
        ("[convolutional]\nfilters=1", "does not start with"),
        ("[net]\n[lstm]\noutput=3", r"\[lstm\] \(line 2\) is not known"),
        ("[net]\nwidth=wide  # a comment", "is no number"),
        ("[net]\nwidth=32\nheight=32\n[route]\nlayers=-7", "refers to layer -7"),
        ("[net]\nwidth=32\nheight=32\n[upsample]\nstride=2", "no \\[yolo\\] layer"),
    ],
)
def test_a_bad_cfg_is_named_with_its_line(cfg: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        darknet_to_onnx(cfg, bytes(16))


def test_weights_beside_the_cfg(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "face.cfg").write_text(SMALL, encoding="utf-8")
    with pytest.raises(InputError, match=r"face\.weights"):
        darknet_files(tmp_path / "face.cfg")
    (tmp_path / "face.weights").write_bytes(b"12")
    assert darknet_files(tmp_path / "face.cfg") == (SMALL, b"12")
