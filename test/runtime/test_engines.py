"""The engine runs a known network, and says clearly what does not fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from avloc_ros.runtime.engines import OnnxEngine, choose_providers, load_cuda_libraries
from avloc_ros.types import InputError


def test_outputs_by_name_equal_the_product(convolution: tuple[bytes, np.ndarray]) -> None:
    model, kernel = convolution
    engine = OnnxEngine(model, "cpu")
    picture = np.random.default_rng(1).normal(size=(1, 3, 5, 6)).astype(np.float32)
    features = engine.run({"picture": picture})["features"]
    np.testing.assert_allclose(
        features[0], np.einsum("oi,irc->orc", kernel[:, :, 0, 0], picture[0]), atol=1e-5
    )
    assert engine.inputs == {"picture": (1, 3, None, None)}
    assert engine.outputs == {"features": (1, 4, None, None)}
    assert engine.device == "cpu"
    engine.warm_up(free_size=8)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "takes the inputs"),
        ({"image": np.zeros((1, 3, 4, 4), np.float32)}, "takes the inputs"),
        ({"picture": np.zeros((1, 4, 4, 4), np.float32)}, r"must be \(1, 3, None, None\)"),
        ({"picture": np.zeros((3, 4, 4), np.float32)}, "must be"),
        ({"picture": np.zeros((1, 3, 4, 4))}, "float64"),
    ],
)
def test_wrong_inputs_are_refused(
    convolution: tuple[bytes, np.ndarray], inputs: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        OnnxEngine(convolution[0], "cpu").run(inputs)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model file at .*face\.onnx"):
        OnnxEngine(tmp_path / "face.onnx")
    (tmp_path / "face.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match=r"face\.onnx is not a network"):
        OnnxEngine(tmp_path / "face.onnx")


def test_device_is_taken_or_refused_or_falls_back() -> None:
    cpu, cuda = "CPUExecutionProvider", "CUDAExecutionProvider"
    assert choose_providers("cpu", [cuda, cpu]) == ([cpu], "")
    assert choose_providers("auto", [cuda, cpu]) == ([(cuda, {"device_id": "0"}), cpu], "")
    assert choose_providers("cuda:1", [cuda, cpu])[0][0] == (cuda, {"device_id": "1"})
    providers, note = choose_providers("auto", [cpu])
    assert providers == [cpu]
    assert "runs on the CPU" in note
    with pytest.raises(InputError, match=r"extra \[gpu\]"):
        choose_providers("cuda", [cpu])
    with pytest.raises(InputError, match="allowed are auto"):
        choose_providers("gpu", [cpu])


def test_cuda_libraries_that_pip_brought_are_loaded_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[str] = []
    load_cuda_libraries(SimpleNamespace(preload_dlls=lambda: (calls.append("loaded"), print("failed to load one"))))
    load_cuda_libraries(SimpleNamespace())  # an older onnxruntime
    assert calls == ["loaded"]
    assert capsys.readouterr().out == ""
