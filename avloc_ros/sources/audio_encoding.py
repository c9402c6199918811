"""PCM bytes of AudioFrame messages to float samples and back: S16LE, S24LE, S32LE, F32LE, interleaved.

Integers of b bits map to [-1, 1) by division by 2^(b-1), as soundfile and ALSA do; full scale positive is
clipped by one step when written.
"""

from __future__ import annotations

import numpy as np

from avloc_ros.types import InputError

BYTES_PER_SAMPLE = {"S16LE": 2, "S24LE": 3, "S32LE": 4, "F32LE": 4}


def bytes_per_sample(encoding: str) -> int:
    """Bytes of one sample. Raises InputError, listing what is known, for any other encoding."""
    try:
        return BYTES_PER_SAMPLE[encoding]
    except KeyError:
        raise InputError(
            f"audio encoding '{encoding}' is not known: send raw PCM as {', '.join(BYTES_PER_SAMPLE)}"
        ) from None


def decode_samples(
    data: bytes | bytearray | memoryview | np.ndarray, encoding: str, channels: int, frames: int | None = None
) -> np.ndarray:
    """Interleaved PCM bytes -> float32 (frames, channels) in [-1, 1].

    frames: samples per channel that the sender announced, None to take what is there. Raises InputError where
    the length does not fit, there is no channel or the encoding is unknown. Floats pass unchanged, NaN too.
    """
    width = bytes_per_sample(encoding)
    raw = np.frombuffer(data, np.uint8)
    if channels < 1:
        raise InputError(f"audio with {channels} channels: the sender must fill in the number of channels")
    stride = width * channels
    expected = raw.size // stride if frames is None else frames
    if raw.size != expected * stride:
        need = (
            f"a multiple of {stride} bytes"
            if frames is None
            else f"{expected * stride} bytes for {expected} frames"
        )
        raise InputError(
            f"audio data has {raw.size} bytes, but {channels} channels in {encoding} need {need}: "
            "check channels, frames and encoding of the sender"
        )
    return _to_float(raw, encoding).reshape(-1, channels)  # (frames, channels)


def encode_samples(samples: np.ndarray, encoding: str) -> bytes:
    """float (frames, channels) in [-1, 1] -> interleaved PCM bytes; integers are rounded and clipped."""
    width = bytes_per_sample(encoding)
    if encoding == "F32LE":
        return np.ascontiguousarray(samples, "<f4").tobytes()
    scale = 2.0 ** (8 * width - 1)
    # float64, because float32 cannot hold 24 and 32 bit integers; NaN has no integer and becomes silence
    scaled = np.nan_to_num(np.asarray(samples, np.float64) * scale, nan=0.0, posinf=scale, neginf=-scale)
    values = np.clip(np.rint(scaled), -scale, scale - 1)
    if encoding == "S24LE":
        return values.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    return values.astype(f"<i{width}").tobytes()


def _to_float(raw: np.ndarray, encoding: str) -> np.ndarray:
    if encoding == "F32LE":
        return raw.view("<f4").astype(np.float32)
    if encoding == "S16LE":
        return raw.view("<i2").astype(np.float32) * np.float32(2.0**-15)
    if encoding == "S24LE":
        padded = np.zeros(
            (raw.size // 3, 4), np.uint8
        )  # the low byte stays zero, so the sign lands in the top bit
        padded[:, 1:] = raw.reshape(-1, 3)
        return padded.view("<i4")[:, 0].astype(np.float32) * np.float32(2.0**-31)
    return raw.view("<i4").astype(np.float32) * np.float32(2.0**-31)
