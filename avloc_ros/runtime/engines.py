"""Runs an ONNX network with onnxruntime on the CPU, CUDA or TensorRT."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.runtime.telemetry import import_onnxruntime
from avloc_ros.types import InputError

GPU_PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
NUMPY_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}
Shape = tuple[int | None, ...]


class OnnxEngine:
    """One network, ready to run.

    model: a file or its bytes. device: `auto`, `cpu`, `cuda`, `cuda:N`, `tensorrt`, `tensorrt:N`; `auto` takes CUDA
    where onnxruntime has it, else the CPU, and `note` says so. threads: of one run; keep 1 where cores are shared.
    name: for messages; the file's name if empty.
    Raises InputError on a missing or unreadable model, and on a device that is not there.
    """

    def __init__(
        self, model: str | Path | bytes, device: str = "auto", threads: int = 1, name: str = ""
    ) -> None:
        ort = import_onnxruntime()
        self.name = name or ("network" if isinstance(model, bytes) else Path(model).name)
        providers, self.note = choose_providers(device, ort.get_available_providers())
        if len(providers) > 1:
            load_cuda_libraries(ort)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if not isinstance(model, bytes) and not Path(model).is_file():
            raise InputError(f"no model file at {model}: check the path, or leave it at `auto`")
        try:
            self._session = ort.InferenceSession(
                model if isinstance(model, bytes) else str(model), options, providers=providers
            )
        except Exception as error:  # onnxruntime raises classes of its own that share no base but Exception
            raise InputError(f"{self.name} is not a network that onnxruntime can run: {error}") from error
        self._check_device(device)
        self._inputs = {item.name: item for item in self._session.get_inputs()}
        self.outputs = {item.name: _shape(item.shape) for item in self._session.get_outputs()}

    @property
    def inputs(self) -> dict[str, Shape]:
        """{name: shape}; None where a dimension is free."""
        return {name: _shape(item.shape) for name, item in self._inputs.items()}

    @property
    def provider(self) -> str:
        """onnxruntime's name of what runs it, such as CPUExecutionProvider."""
        return str(self._session.get_providers()[0])

    @property
    def device(self) -> str:
        """Where it runs: cpu, cuda or tensorrt."""
        return next((name for name, provider in GPU_PROVIDERS.items() if provider == self.provider), "cpu")

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name. Raises InputError where inputs are missing, unknown or of another shape."""
        if set(inputs) != set(self._inputs):
            raise InputError(
                f"{self.name} takes the inputs {sorted(self._inputs)}, was given {sorted(inputs)}"
            )
        for name, value in inputs.items():
            self._check_input(name, value)
        return dict(zip(self.outputs, self._session.run(None, dict(inputs)), strict=True))

    def warm_up(self, free_size: int = 1) -> None:
        """One run on zeros, so that the first real frame is not late; free dimensions get `free_size`."""
        zeros: dict[str, np.ndarray] = {
            name: np.zeros(
                [free_size if size is None else size for size in _shape(item.shape)], NUMPY_TYPES[item.type]
            )
            for name, item in self._inputs.items()
        }
        self._session.run(None, zeros)

    def _check_input(self, name: str, value: np.ndarray) -> None:
        wanted, kind = _shape(self._inputs[name].shape), NUMPY_TYPES.get(self._inputs[name].type)
        fits = len(wanted) == value.ndim and all(
            w in (None, g) for w, g in zip(wanted, value.shape, strict=False)
        )
        if not fits or (kind is not None and value.dtype != kind):
            raise InputError(
                f"{self.name}: input '{name}' must be {wanted} {self._inputs[name].type}, was {value.shape} {value.dtype}"
            )

    def _check_device(self, device: str) -> None:
        # onnxruntime lists CUDA even where its libraries are missing, and then runs on the CPU with a log line only.
        if self.device == "cpu" and device.split(":")[0] in GPU_PROVIDERS:
            raise InputError(
                f"device '{device}': onnxruntime could not start it (driver or CUDA libraries); use cpu or auto"
            )
        if self.device == "cpu" and device == "auto" and not self.note:
            self.note = "the GPU could not be started: runs on the CPU"


def load_cuda_libraries(ort: Any) -> None:
    """Load CUDA and cuDNN where pip put them (packages nvidia-*), which the system's loader does not know.

    onnxruntime prints what it does not find; whether CUDA then starts is told by the session.
    """
    if hasattr(ort, "preload_dlls"):  # since 1.21
        with contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()


def require_device(device: str) -> None:
    """Raises InputError where onnxruntime cannot run on a device here; `auto` always can."""
    choose_providers(device, import_onnxruntime().get_available_providers())


def choose_providers(device: str, available: list[str]) -> tuple[list[str | tuple[str, dict[str, str]]], str]:
    """onnxruntime's providers for a device, and a note where `auto` had to take the CPU. Raises InputError."""
    match = re.fullmatch(r"(auto|cpu|(?:cuda|tensorrt)(?::(\d+))?)", device)
    if match is None:
        raise InputError(f"device '{device}': allowed are auto, cpu, cuda, cuda:N, tensorrt, tensorrt:N")
    cpu: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
    if device == "cpu":
        return cpu, ""
    kind = "cuda" if device == "auto" else device.split(":")[0]
    if GPU_PROVIDERS[kind] not in available:
        if device == "auto":
            return cpu, "onnxruntime has no CUDA here: runs on the CPU"
        raise InputError(
            f"device '{device}': onnxruntime has only {', '.join(available)}; "
            "pip install 'onnxruntime-gpu[cuda,cudnn]' in place of onnxruntime (the extra [gpu]), or use cpu"
        )
    return [(GPU_PROVIDERS[kind], {"device_id": match.group(2) or "0"}), *cpu], ""


def _shape(shape: list[int | str | None]) -> Shape:
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape)
