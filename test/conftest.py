"""Where all tests run: ROS of this environment, discovery on this machine only, a domain of their own, no telemetry."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

# The environment of the PyPI wheels is an ament prefix; under a sourced distro the prefixes are set already.
if (Path(sys.prefix) / "share" / "ament_index").is_dir():
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
# A domain of this folder's own, as the Makefile has one: tests of two checkouts at the same time would hear each other.
os.environ.setdefault("ROS_DOMAIN_ID", str(20 + zlib.crc32(str(Path(__file__).resolve()).encode()) % 60))
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch on one thread: small networks are slower on two, and slower still beside other tests."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def compass_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound event network without training: all that sounds is `telephone`, from where the intensity of the sound comes.

    Takes the features of a small av_seld recipe; what it must say follows from physics.
    """
    onnx = pytest.importorskip("onnx")
    node, tensor = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    to_output = np.zeros((3, 117), np.float32)  # (axis, track * 3 * class)
    to_output[np.arange(3), np.arange(3) * 13 + 3] = 0.98
    constants = {"first": [4], "end": [7], "axis": [1], "last": [3], "xyz": [2, 0, 1]}
    graph = onnx.helper.make_graph(
        [
            node("Slice", ["features", "first", "end", "axis"], ["intensity"]),  # along y, z, x
            node("ReduceMean", ["intensity"], ["flow"], axes=[3], keepdims=0),
            node("AveragePool", ["flow"], ["frames"], kernel_shape=[4], strides=[4]),  # (1, 3, 30)
            node("Gather", ["frames", "xyz"], ["towards"], axis=1),
            node("ReduceL2", ["towards"], ["length"], axes=[1], keepdims=1),
            node("Add", ["length", "tiny"], ["divisor"]),
            node("Div", ["towards", "divisor"], ["unit"]),
            node("Transpose", ["unit"], ["by_frame"], perm=[0, 2, 1]),
            node("MatMul", ["by_frame", "to_output"], ["vectors"]),
        ],
        "compass",
        [tensor("features", onnx.TensorProto.FLOAT, [1, 7, 120, 64])],
        [tensor("vectors", onnx.TensorProto.FLOAT, [1, 30, 117])],
        [
            *(onnx.numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()),
            onnx.numpy_helper.from_array(np.array([1e-6], np.float32), "tiny"),
            onnx.numpy_helper.from_array(to_output, "to_output"),
        ],
    )
    path = tmp_path_factory.mktemp("compass") / "compass.onnx"
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    recipe = {
        "input": "foa",
        "features": {"fft_length": 1024, "window_length": 1024, "hop_length": 600, "mel_bands": 64},
        "network": {"visual": "none", "classes": 13},
        "chunks": {"sample_rate_hz": 24000, "chunk_s": 3.0, "channels": 4},
        "decode": {"activity_threshold": 0.5, "merge_deg": 15.0},
    }
    card = {"name": "compass", "system": "av_seld", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    card |= {"recipe": recipe, "licence": "MIT", "data": {}, "seed": 0, "metrics": {}}
    path.with_suffix(".card.json").write_text(json.dumps(card))
    return path


@pytest.fixture(scope="session")
def pointing_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a diff_track network that is written by hand: its first track points along the mean intensity from 300 to
    2000 Hz, with a memory of three answers, and is active while it is loud; its second one is silent."""
    onnx = pytest.importorskip("onnx")
    make = onnx.helper.make_node
    sizes = {"features": [1, 7, 5, 32], "heard": [1, 7, 2, 32], "first": [1, 1, 2, 16], "second": [1, 1, 2, 8]}
    sizes["hidden"] = [2, 1, 3]
    constants = {
        "x": [4, 0, 6], "end": [7, 5, 18], "level": [0, 0, 0], "level_end": [1, 5, 32], "axes": [1, 2, 3],
        "row": [1, 1, 3], "vector": [1, 1, 1, 3], "number": [1, 1, 1], "start": [0], "one": [1], "axis": [0],
    }  # fmt: skip
    numbers = {
        "keep": [0.7], "slope": [4.0], "loud": [6.5], "quiet": [[[-9.0]]], "up": [[[[0.0, 0.0, 1.0]]]], "none": [[[0.0] * 3]],
    }  # fmt: skip
    answers = {"directions": [1, 1, 2, 3], "activity": [1, 1, 2]}
    answers |= {f"next_{name}": size for name, size in sizes.items() if name != "features"}
    graph = onnx.helper.make_graph(
        [
            make("Slice", ["features", "x", "end", "axes"], ["intensity"]),
            make("ReduceMean", ["intensity"], ["mean"], axes=[2, 3], keepdims=0),
            make("Reshape", ["mean", "row"], ["now"]),
            make("Slice", ["hidden", "start", "one", "axis"], ["before"]),
            make("Mul", ["before", "keep"], ["faded"]),
            make("Add", ["faded", "now"], ["sum"]),
            make("Concat", ["sum", "none"], ["next_hidden"], axis=0),
            make("Reshape", ["sum", "vector"], ["towards"]),
            make("Concat", ["towards", "up"], ["directions"], axis=2),
            make("Slice", ["features", "level", "level_end", "axes"], ["spectra"]),
            make("ReduceMean", ["spectra"], ["power"], axes=[1, 2, 3], keepdims=0),
            make("Reshape", ["power", "number"], ["decades"]),
            make("Add", ["decades", "loud"], ["above"]),
            make("Mul", ["above", "slope"], ["logit"]),
            make("Concat", ["logit", "quiet"], ["activity"], axis=2),
            *(make("Identity", [name], [f"next_{name}"]) for name in ("heard", "first", "second")),
        ],
        "pointing",
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size) for name, size in sizes.items()],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size) for name, size in answers.items()],
        [onnx.numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()]
        + [onnx.numpy_helper.from_array(np.array(value, np.float32), name) for name, value in numbers.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("pointing") / "pointing.onnx"
    path.write_bytes(model.SerializeToString())
    card = {
        "name": "pointing", "system": "diff_track_live", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "MIT", "recipe": {}, "data": "none", "seed": 0, "metrics": {}, "frames_per_label": 5, "threshold": 0.5,
        "features": {
            "kind": "foa", "sample_rate_hz": 16000, "hop_length": 320, "window_length": 640, "fft_length": 1024, "mel_bands": 32,
        },
        "calibration": {"slope": 1.0, "intercept": 0.0, "narrow": 200.0, "wide": 30.0, "wide_share": 0.2},
    }  # fmt: skip
    path.with_suffix(".card.json").write_text(json.dumps(card))
    return path
