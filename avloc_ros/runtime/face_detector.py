"""A face network with its engine: one BGR picture in, faces in pixels of that picture out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from avloc_ros.features.image import letterbox, round_up
from avloc_ros.models.centerface import decode_centerface
from avloc_ros.models.face_boxes import FaceBoxes, strongest_apart
from avloc_ros.models.face_kind import CENTERFACE_CHANNELS, KINDS, YUNET_OUTPUTS, kind_of
from avloc_ros.models.ultralight import boxes_are_decoded, decode_ultralight
from avloc_ros.models.yolo_face import decode_yolo
from avloc_ros.models.yunet import decode_yunet
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError

Outputs = dict[str, np.ndarray]
STRIDE_MULTIPLE = 32


@dataclass(frozen=True)
class Preparation:
    """How a kind of network wants its picture: (value - offset) * scale, in RGB or BGR order, the rest filled."""

    rgb: bool
    scale: float
    offset: float
    fill: int


PREPARATIONS = {
    "centerface": Preparation(rgb=True, scale=1.0, offset=0.0, fill=0),
    "yunet": Preparation(rgb=False, scale=1.0, offset=0.0, fill=0),
    "ultralight": Preparation(rgb=True, scale=1 / 128, offset=127.0, fill=127),
    "yolo": Preparation(rgb=True, scale=1 / 255, offset=0.0, fill=114),
    "yolov3_darknet": Preparation(rgb=True, scale=1 / 255, offset=0.0, fill=128),
}


class FaceDetector:
    """Finds faces in one picture.

    engine: a network with one input (1, 3, height, width). kind: `auto` or one of KINDS. width, height: the input size
    for a network that takes any; a network of fixed size keeps its own. face_class: which class of a YOLO is the face.
    Raises InputError where the kind is unknown or the network does not fit it.
    """

    def __init__(
        self,
        engine: OnnxEngine,
        kind: str = "auto",
        width: int = 480,
        height: int = 320,
        score_threshold: float = 0.5,
        nms_iou: float = 0.3,
        face_class: int = 0,
    ) -> None:
        self.engine = engine
        self.kind = kind_of(engine.outputs, engine.name) if kind == "auto" else _checked_kind(kind, engine)
        self.score_threshold, self.nms_iou, self.face_class = score_threshold, nms_iou, face_class
        self.input_name, shape = _single_picture_input(engine)
        self.fixed_size = (shape[3], shape[2]) if shape[2] is not None and shape[3] is not None else None
        self.size: tuple[int, int] = self.fixed_size or (
            round_up(width, STRIDE_MULTIPLE),
            round_up(height, STRIDE_MULTIPLE),
        )
        self._ultralight_decoded = True
        self._warm_up()

    def detect(self, image: np.ndarray, size: tuple[int, int] | None = None) -> FaceBoxes:
        """Faces of a BGR picture (rows, columns, 3), strongest first, after non-maximum suppression, in its pixels.

        size: another (width, height) of the network's input for this call; ignored by networks of fixed size.
        """
        width, height = self.size if size is None or self.fixed_size else size
        canvas, fit = letterbox(image, width, height, PREPARATIONS[self.kind].fill)
        outputs = self.engine.run({self.input_name: picture_tensor(canvas, self.kind)})
        found = strongest_apart(self._decode(outputs, width, height), self.nms_iou).moved(fit.to_picture)
        return _inside(found, image.shape[1], image.shape[0])

    def _decode(self, outputs: Outputs, width: int, height: int) -> FaceBoxes:
        values = list(outputs.values())
        threshold = self.score_threshold
        decoders: dict[str, Callable[[], FaceBoxes]] = {
            "centerface": lambda: decode_centerface(*values, score_threshold=threshold),
            "yunet": lambda: decode_yunet(outputs, width, height, threshold),
            "ultralight": lambda: decode_ultralight(
                values[0], values[1], width, height, threshold, self._ultralight_decoded
            ),
            "yolo": lambda: decode_yolo(values[0], threshold, self.face_class),
        }
        return decoders[self.kind]()

    def _warm_up(self) -> None:
        width, height = self.size
        grey = np.full((height, width, 3), 127, np.uint8)
        outputs = self.engine.run({self.input_name: picture_tensor(grey, self.kind)})
        if self.kind == "ultralight":
            self._ultralight_decoded = boxes_are_decoded(list(outputs.values())[1])
        self._decode(outputs, width, height)


def picture_tensor(canvas: np.ndarray, kind: str) -> np.ndarray:
    """A BGR canvas (height, width, 3) as the float32 input (1, 3, height, width) of a kind of network."""
    wants = PREPARATIONS[kind]
    mean = (wants.offset,) * 3
    return np.asarray(cv2.dnn.blobFromImage(canvas, wants.scale, mean=mean, swapRB=wants.rgb), np.float32)


def _inside(found: FaceBoxes, width: int, height: int) -> FaceBoxes:
    """Boxes cut at the picture's border; what lies outside of it (in the letterbox's margin) is dropped."""
    boxes = np.clip(found.boxes, 0, np.array([width, height, width, height], np.float32))
    holds = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
    return FaceBoxes(boxes, np.clip(found.scores, 0, 1), found.landmarks).take(holds)


def _single_picture_input(engine: OnnxEngine) -> tuple[str, tuple[int | None, ...]]:
    inputs = engine.inputs
    name, shape = next(iter(inputs.items()))
    if len(inputs) != 1 or len(shape) != 4 or shape[1] not in (3, None) or shape[0] not in (1, None):
        raise InputError(
            f"{engine.name} takes {inputs}: a face network takes one picture (1, 3, height, width)"
        )
    return name, shape


def _checked_kind(kind: str, engine: OnnxEngine) -> str:
    shapes = list(engine.outputs.values())
    fits = {
        "centerface": [shape[1] if len(shape) == 4 else None for shape in shapes]
        == list(CENTERFACE_CHANNELS),
        "yunet": YUNET_OUTPUTS <= set(engine.outputs),
        "ultralight": len(shapes) == 2,
        "yolo": len(shapes[0]) == 3,
    }
    if kind not in KINDS:
        raise InputError(f"face network kind '{kind}': allowed are auto, {', '.join(KINDS)}")
    if not fits.get(kind, True):
        raise InputError(f"{engine.name} is no {kind}: its outputs are {engine.outputs}; set kind to auto")
    return kind


def file_of(path: str | Path) -> Path:
    """A model file that a user named. Raises InputError where it is missing."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(
            f"no face model at {path}: give the path of an ONNX or Darknet .cfg file, or leave it at `auto`"
        )
    return path
