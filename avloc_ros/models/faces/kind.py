"""Which face network an ONNX file holds, from the names and shapes of what it puts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from avloc_ros.types import InputError

Shape = tuple[int | None, ...]
KINDS = ("centerface", "yunet", "ultralight", "yolo", "yolov3_darknet")
YUNET_OUTPUTS = {f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)}
CENTERFACE_CHANNELS = (1, 2, 2, 10)


def kind_of(outputs: Mapping[str, Shape], where: str) -> str:
    """`centerface`, `yunet`, `ultralight` or `yolo`. Raises InputError that lists the outputs and what to set."""
    shapes: Sequence[Shape] = list(outputs.values())
    if YUNET_OUTPUTS <= set(outputs):
        return "yunet"
    if tuple(shape[1] if len(shape) == 4 else None for shape in shapes) == CENTERFACE_CHANNELS:
        return "centerface"
    if (
        len(shapes) == 2
        and all(len(shape) == 3 for shape in shapes)
        and [shape[2] for shape in shapes] == [2, 4]
    ):
        return "ultralight"
    if len(shapes) == 1 and len(shapes[0]) == 3:
        return "yolo"
    listed = ", ".join(f"{name} {shape}" for name, shape in outputs.items())
    raise InputError(
        f"{where}: no known face network has the outputs {listed}. Known: CenterFace (four maps of 1, 2, 2, 10 channels), "
        "YuNet (cls_8 .. kps_32), Ultra-Light (scores and boxes), YOLO (one table). If it is one of them under other "
        f"names, set `kind` to one of {', '.join(KINDS)}"
    )
