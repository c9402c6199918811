"""Opens the face network that the settings name, in the arithmetic that suits the device."""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.runtime.centerface_file import resizable_centerface
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.face_detector import file_of


@dataclass(frozen=True)
class FaceNetwork:
    """A face network with its kind, its arithmetic, and a note where something fell back."""

    engine: OnnxEngine
    kind: str
    precision: str
    note: str


def open_face_engine(model: str, kind: str, precision: str, device: str, threads: int) -> FaceNetwork:
    """The network of `model` (`auto` or a path). Raises InputError where it is missing or unfit."""
    path = resizable_centerface() if model == "auto" else file_of(model)
    engine = OnnxEngine(path, device, threads)
    return FaceNetwork(engine, kind, "fp32", engine.note)
