"""Static int8 quantization of a picture network, made once per machine and kept in the cache folder."""

from __future__ import annotations

import contextlib
import importlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.runtime.calibration_pictures import calibration_pictures
from avloc_ros.runtime.model_cache import cached_path, write_whole
from avloc_ros.runtime.onnx_graph import import_onnx, tidied
from avloc_ros.runtime.telemetry import import_onnxruntime
from avloc_ros.types import InputError

CALIBRATION_PICTURES = 16
RECIPE = "int8-v1"
ToTensor = Callable[[np.ndarray], np.ndarray]


def int8_path(model: Path, kind: str) -> Path:
    """Where the int8 form of a network lies, or will lie; `kind` is part of the recipe, as it sets the calibration."""
    return cached_path(model.read_bytes(), f"{kind}-{RECIPE}")


def make_int8(model: Path, kind: str, input_name: str, size: tuple[int, int], to_tensor: ToTensor) -> Path:
    """Quantize a network to int8 (weights per channel, 7 bits; activations uint8 by min and max); a few seconds.

    size: (width, height) of the calibration pictures; to_tensor: one BGR picture (height, width, 3) as the network's
    input. 7 bits, because two 8-bit products can saturate where a processor has AVX2 but no VNNI. Raises InputError
    where the network cannot be quantized.
    """
    path = int8_path(model, kind)
    if not path.is_file():
        pictures = calibration_pictures(*size, CALIBRATION_PICTURES)
        write_whole(path, _quantized(model, [{input_name: to_tensor(picture)} for picture in pictures]))
    return path


def _quantized(model: Path, samples: list[dict[str, np.ndarray]]) -> bytes:
    import_onnx()
    import_onnxruntime()
    quantization = importlib.import_module("onnxruntime.quantization")
    with tempfile.TemporaryDirectory(prefix="avloc_int8_") as folder, _quiet_log():
        tidy, result = Path(folder) / "tidy.onnx", Path(folder) / "int8.onnx"
        try:
            tidy.write_bytes(tidied(model.read_bytes()).SerializeToString())
            quantization.quantize_static(
                str(tidy),
                str(result),
                _reader(quantization, samples),
                quant_format=quantization.QuantFormat.QDQ,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
            )
        except InputError:
            raise
        except Exception as error:  # the quantizer raises plain exceptions of many classes
            raise InputError(
                f"{model.name} cannot be quantized to int8 ({error}): set precision to fp32"
            ) from error
        return result.read_bytes()


def _reader(quantization: Any, samples: list[dict[str, np.ndarray]]) -> Any:
    class Samples(quantization.CalibrationDataReader):  # type: ignore[misc,name-defined]
        """The samples, one after the other, as the quantizer asks for them."""

        def __init__(self) -> None:
            self._next = iter(samples)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._next, None)

    return Samples()


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep the quantizer's advice to preprocess (done already) out of the root logger, and nothing else."""

    def is_ours(record: logging.LogRecord) -> bool:
        return "onnxruntime" not in record.pathname

    root = logging.getLogger()
    root.addFilter(is_ours)
    try:
        yield
    finally:
        root.removeFilter(is_ours)
