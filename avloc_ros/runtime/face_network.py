"""Opens the face network that the settings name, in the arithmetic that suits the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from avloc_ros.models.faces.darknet import darknet_files, darknet_to_onnx
from avloc_ros.models.faces.kind import KINDS
from avloc_ros.runtime.centerface_file import resizable_centerface
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.face_detector import DEFAULTS, FaceDetector, picture_tensor
from avloc_ros.runtime.int8 import int8_path, make_int8
from avloc_ros.types import InputError


@dataclass(frozen=True)
class FaceNetworkChoice:
    """What to open; the fields mean what FaceConfig says, 0 stands for the kind's own value."""

    model: str = "auto"
    kind: str = "auto"
    width: int = 0
    height: int = 0
    precision: str = "auto"
    score_threshold: float = 0.0
    nms_iou: float = 0.0
    face_class: int = 0
    brighten_dark: bool = True
    device: str = "auto"
    threads: int = 1


@dataclass(frozen=True)
class OpenFaceNetwork:
    """A detector that is ready, its arithmetic, a note where something fell back.

    better: makes and opens the int8 form of it, where that is wanted but not made yet.
    """

    detector: FaceDetector
    precision: str
    note: str
    better: Callable[[], OpenFaceNetwork] | None = None


def open_face_network(choice: FaceNetworkChoice, wait_for_int8: bool = True) -> OpenFaceNetwork:
    """The detector of a choice. Raises InputError where the model is missing, unknown or does not fit.

    wait_for_int8: make the int8 network now where it is wanted and not in the cache (some seconds); otherwise `better`
    of the result will.
    """
    if Path(choice.model).suffix == ".cfg" or choice.kind == "yolov3_darknet":
        return _open_darknet(choice)
    path = resizable_centerface() if choice.model == "auto" else _file_of(choice.model)
    plain = _open(choice, path, "fp32")
    own_choice = (
        choice.precision == "auto" and choice.model == "auto" and plain.detector.engine.device == "cpu"
    )
    if not own_choice and choice.precision != "int8":
        return plain
    if wait_for_int8 or int8_path(path, plain.detector.kind).is_file():
        return _with_int8(choice, path, plain)
    return OpenFaceNetwork(
        plain.detector,
        "fp32",
        "int8 is being made; fp32 runs until then",
        lambda: _with_int8(choice, path, plain),
    )


def _with_int8(choice: FaceNetworkChoice, path: Path, plain: OpenFaceNetwork) -> OpenFaceNetwork:
    detector = plain.detector
    try:
        made = make_int8(
            path,
            detector.kind,
            detector.input_name,
            detector.size,
            lambda picture: picture_tensor(picture, detector.kind),
        )
    except InputError as error:
        if choice.precision == "int8":
            raise
        return OpenFaceNetwork(detector, "fp32", str(error))
    return _open(choice, made, "int8", detector.kind)


def _open(
    choice: FaceNetworkChoice, model: Path | bytes, precision: str, kind: str = "", name: str = ""
) -> OpenFaceNetwork:
    engine = OnnxEngine(model, choice.device, choice.threads, name)
    detector = FaceDetector(
        engine,
        kind or choice.kind,
        (choice.width, choice.height),
        choice.score_threshold,
        choice.nms_iou,
        choice.face_class,
        choice.brighten_dark,
    )
    return OpenFaceNetwork(detector, precision, engine.note)


def _open_darknet(choice: FaceNetworkChoice) -> OpenFaceNetwork:
    path = _file_of(choice.model)
    if path.suffix != ".cfg" or choice.kind not in ("auto", "yolov3_darknet"):
        raise InputError(
            f"{path.name} with kind '{choice.kind}': a Darknet network is named by its .cfg file"
        )
    if choice.precision == "int8":
        raise InputError("a Darknet network runs in fp32 only: set precision to auto or fp32")
    usual = DEFAULTS["yolov3_darknet"]
    onnx_file = darknet_to_onnx(
        *darknet_files(path), choice.width or usual.width, choice.height or usual.height
    )
    return _open(choice, onnx_file, "fp32", "yolov3_darknet", path.name)


def _file_of(model: str) -> Path:
    path = Path(model).expanduser()
    if not path.is_file():
        raise InputError(
            f"no face model at {path}: give the path of an ONNX or Darknet .cfg file (kinds: {', '.join(KINDS)}), "
            "or leave it at `auto`"
        )
    return path
