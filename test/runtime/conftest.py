"""A tiny network, and the data kit's face models."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def kit_models() -> Path:
    """The folder of face models that a user may bring."""
    root = os.environ.get("AVLOC_DATA", "")
    folder = Path(root) / "models"
    if not root or not folder.is_dir():
        pytest.skip(
            "AVLOC_DATA does not name the data kit, which holds the face models that a user may bring"
        )
    return folder


@pytest.fixture
def kit_faces() -> Path:
    """The folder of office photographs with face boxes."""
    root = os.environ.get("AVLOC_DATA", "")
    folder = Path(root) / "faces" / "itseez_office"
    if not root or not folder.is_dir():
        pytest.skip("AVLOC_DATA does not name the data kit, which holds photographs with face boxes")
    return folder


@pytest.fixture
def convolution() -> tuple[bytes, np.ndarray]:
    """A network of one convolution: its ONNX file and its kernel (4, 3, 1, 1)."""
    import onnx
    from onnx import helper, numpy_helper

    kernel = np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["picture", "kernel"], ["features"])],
        "convolution",
        [helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, [1, 4, "height", "width"])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString(), kernel
