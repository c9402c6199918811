"""A face network with its engine: one BGR picture in, faces in pixels of that picture out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.features.inputs.image import Letterbox, brighten_dark_parts, letterbox, round_up
from avloc_ros.models.faces.boxes import FaceBoxes, strongest_apart
from avloc_ros.models.faces.centerface import decode_centerface
from avloc_ros.models.faces.kind import CENTERFACE_CHANNELS, KINDS, YUNET_OUTPUTS, kind_of
from avloc_ros.models.faces.ultralight import boxes_are_decoded, decode_ultralight
from avloc_ros.models.faces.yolo_face import decode_yolo, decode_yolo_rows
from avloc_ros.models.faces.yunet import decode_yunet
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError

Outputs = dict[str, np.ndarray]
STRIDE_MULTIPLE = 32


@dataclass(frozen=True)
class KindDefaults:
    """What a kind of network wants: (value - offset) * scale in RGB or BGR order, the letterbox's fill, and its usual
    input size (width, height), score threshold and overlap of non-maximum suppression."""

    rgb: bool
    scale: float
    offset: float
    fill: int
    width: int
    height: int
    score_threshold: float
    nms_iou: float


DEFAULTS = {
    "centerface": KindDefaults(True, 1.0, 0.0, 0, 480, 320, 0.35, 0.3),
    "yunet": KindDefaults(False, 1.0, 0.0, 0, 480, 320, 0.6, 0.3),
    "ultralight": KindDefaults(True, 1 / 128, 127.0, 127, 320, 256, 0.7, 0.3),
    "yolo": KindDefaults(True, 1 / 255, 0.0, 114, 640, 640, 0.4, 0.45),
    "yolov3_darknet": KindDefaults(True, 1 / 255, 0.0, 128, 832, 832, 0.5, 0.45),  # the paper's (docs/papers.md: dsw)
}


class FaceDetector:
    """Finds faces in one picture.

    engine: a network with one input (1, 3, height, width). kind: `auto` or one of KINDS. size: (width, height) of the
    input for a network that takes any; a network of fixed size keeps its own. face_class: which class of a YOLO is the
    face. brighten_dark: lift the dark parts of the picture first. 0 in size, score_threshold and nms_iou stands for
    what DEFAULTS says of the kind.
    Raises InputError where the kind is unknown or the network does not fit it.
    """

    def __init__(
        self,
        engine: OnnxEngine,
        kind: str = "auto",
        size: tuple[int, int] = (0, 0),
        score_threshold: float = 0.0,
        nms_iou: float = 0.0,
        face_class: int = 0,
        brighten_dark: bool = True,
    ) -> None:
        self.engine = engine
        self.kind = kind_of(engine.outputs, engine.name) if kind == "auto" else _checked_kind(kind, engine)
        usual = DEFAULTS[self.kind]
        self.score_threshold = score_threshold or usual.score_threshold
        self.nms_iou = nms_iou or usual.nms_iou
        self.face_class, self.brighten_dark = face_class, brighten_dark
        self.input_name, shape = _single_picture_input(engine)
        self.fixed_size = (shape[3], shape[2]) if shape[2] is not None and shape[3] is not None else None
        self.size: tuple[int, int] = self.fixed_size or (
            round_up(size[0] or usual.width, STRIDE_MULTIPLE),
            round_up(size[1] or usual.height, STRIDE_MULTIPLE),
        )
        self._ultralight_decoded = True
        self._warm_up()

    def detect(self, image: np.ndarray, size: tuple[int, int] | None = None) -> FaceBoxes:
        """Faces of a BGR picture (rows, columns, 3), strongest first, after non-maximum suppression, in its pixels.

        size: another (width, height) of the network's input for this call; ignored by networks of fixed size.
        """
        width, height = self.size if size is None or self.fixed_size else size
        canvas, fit = letterbox(image, width, height, DEFAULTS[self.kind].fill)
        if self.brighten_dark:
            canvas = _brightened(canvas, fit, image)
        outputs = self.engine.run({self.input_name: picture_tensor(canvas, self.kind)})
        found = strongest_apart(self._decode(outputs, width, height), self.nms_iou).moved(fit.to_picture)
        return _inside(found, image.shape[1], image.shape[0])

    def _decode(self, outputs: Outputs, width: int, height: int) -> FaceBoxes:
        values = list(outputs.values())
        threshold = self.score_threshold
        decoders: dict[str, Callable[[], FaceBoxes]] = {
            "centerface": lambda: decode_centerface(values[0], values[1], values[2], values[3], threshold),
            "yunet": lambda: decode_yunet(outputs, width, height, threshold),
            "ultralight": lambda: decode_ultralight(
                values[0], values[1], width, height, threshold, self._ultralight_decoded
            ),
            "yolo": lambda: decode_yolo(values[0], threshold, self.face_class),
            "yolov3_darknet": lambda: decode_yolo_rows(values[0], threshold, self.face_class),
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
    wants = DEFAULTS[kind]
    mean = (wants.offset,) * 3
    return np.asarray(cv2.dnn.blobFromImage(canvas, wants.scale, mean=mean, swapRB=wants.rgb), np.float32)


def _brightened(canvas: np.ndarray, fit: Letterbox, image: np.ndarray) -> np.ndarray:
    """The canvas with the dark parts of the picture in it lifted; its margin, and the picture itself, stay."""
    if canvas is image:
        return brighten_dark_parts(image)
    rows, cols = image.shape[:2]
    bottom, right = fit.top + round(rows * fit.scale_y), fit.left + round(cols * fit.scale_x)
    inner = canvas[fit.top : bottom, fit.left : right]
    inner[...] = brighten_dark_parts(inner)
    return canvas


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
        "yolov3_darknet": len(shapes[0]) == 3,
    }
    if kind not in KINDS:
        raise InputError(f"face network kind '{kind}': allowed are auto, {', '.join(KINDS)}")
    if not fits.get(kind, True):
        raise InputError(f"{engine.name} is no {kind}: its outputs are {engine.outputs}; set kind to auto")
    return kind
