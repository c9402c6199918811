"""Sound messages of other packages, told apart by their fields, as AudioChunk; raw PCM only.

Known: audio_utils_msgs/AudioFrame; audio_common_msgs AudioDataStamped with AudioInfo (ros-drivers) and
AudioStamped (mgonzs13), which share a package name; foxglove_msgs RawAudio. None of them counts its samples,
so the chunks have first_sample_index = -1 and the alignment finds gaps from the stamps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from avloc_ros.sources.audio_encoding import decode_samples
from avloc_ros.types import AudioChunk, InputError

NS = 1_000_000_000
NOT_COUNTED = -1
COMPRESSED = ("mp3", "aac", "opus", "flac", "vorbis", "ogg", "speex", "amr")
# names of raw PCM in the messages below -> our encodings
PCM_NAMES = {
    "s16le": "S16LE", "signed_16": "S16LE", "pcm-s16": "S16LE", "s16": "S16LE",
    "s24le": "S24LE", "signed_24": "S24LE",
    "s32le": "S32LE", "signed_32": "S32LE",
    "f32le": "F32LE", "float": "F32LE",
}  # fmt: skip
# format constants of PortAudio (paFloat32, paInt32, paInt24, paInt16) -> field of AudioData, its full scale
PORTAUDIO_FIELDS = {
    1: ("float32_data", 1.0),
    2: ("int32_data", 2.0**31),
    4: ("int24_data", 2.0**23),
    8: ("int16_data", 2.0**15),
}


@dataclass(frozen=True)
class AudioInfo:
    """What a separate AudioInfo message says about AudioDataStamped messages."""

    channels: int
    sample_rate_hz: int
    encoding: str


def info_of(message: Any) -> AudioInfo:
    """AudioInfo of ros-drivers/audio_common. Raises InputError on compressed sound, naming the coding."""
    coding = str(message.coding_format).strip().lower()
    if coding not in ("", "wave", "wav", "pcm", "raw"):
        raise InputError(f"sound is coded as '{coding}': set the sender's format to 'wave' (raw PCM)")
    encoding = pcm_encoding(message.sample_format)
    return AudioInfo(
        _positive(message.channels, "channels"), _positive(message.sample_rate, "sample_rate"), encoding
    )


def adapter_for(message: Any) -> Callable[[Any, AudioInfo | None], AudioChunk]:
    """The function that reads messages of this kind. Raises InputError where the kind is not known."""
    fields = dir(message)
    if {"channel_count", "sampling_frequency", "frame_sample_count"} <= set(fields):
        return _audio_utils
    if {"timestamp", "number_of_channels", "format"} <= set(fields):
        return _foxglove
    if {"header", "audio"} <= set(fields):
        return _audio_common_stamped if hasattr(message.audio, "info") else _audio_common_data
    raise InputError(
        f"{type(message).__name__} is not a sound message that is known: send avloc_ros/AudioFrame, "
        "audio_utils_msgs/AudioFrame, audio_common_msgs AudioDataStamped or AudioStamped, "
        "or foxglove_msgs/RawAudio"
    )


def chunk_of(message: Any, info: AudioInfo | None = None) -> AudioChunk:
    """A chunk of any known sound message; info is needed for AudioDataStamped only. Raises InputError."""
    return adapter_for(message)(message, info)


def pcm_encoding(name: str) -> str:
    """Our name of a PCM format. Raises InputError on compressed and unknown ones, with what to send."""
    plain = str(name).strip().lower()
    if plain in PCM_NAMES:
        return PCM_NAMES[plain]
    kind = "is compressed" if any(word in plain for word in COMPRESSED) else "is not known"
    raise InputError(f"sound format '{name}' {kind}: send raw PCM ({', '.join(sorted(PCM_NAMES))})")


def _audio_utils(message: Any, _: AudioInfo | None) -> AudioChunk:
    rate = _positive(message.sampling_frequency, "sampling_frequency")
    channels = _positive(message.channel_count, "channel_count")
    encoding = pcm_encoding(message.format)
    samples = decode_samples(_bytes(message.data), encoding, channels, int(message.frame_sample_count))
    return _chunk(message.header, samples, rate)


def _foxglove(message: Any, _: AudioInfo | None) -> AudioChunk:
    rate = _positive(message.sample_rate, "sample_rate")
    channels = _positive(message.number_of_channels, "number_of_channels")
    samples = decode_samples(_bytes(message.data), pcm_encoding(message.format), channels)
    return AudioChunk(_nanoseconds(message.timestamp), NOT_COUNTED, samples, rate)


def _audio_common_data(message: Any, info: AudioInfo | None) -> AudioChunk:
    if info is None:
        raise InputError(
            "AudioDataStamped says neither rate nor channels: the AudioInfo topic must come first"
        )
    samples = decode_samples(_bytes(message.audio.data), info.encoding, info.channels)
    return _chunk(message.header, samples, info.sample_rate_hz)


def _audio_common_stamped(message: Any, _: AudioInfo | None) -> AudioChunk:
    info, data = message.audio.info, message.audio.audio_data
    if int(info.format) not in PORTAUDIO_FIELDS:
        raise InputError(
            f"PortAudio format {info.format} is not known: set the sender to paInt16 (8) or paFloat32 (1)"
        )
    field, full_scale = PORTAUDIO_FIELDS[int(info.format)]
    values = np.asarray(getattr(data, field))
    channels = _positive(info.channels, "channels")
    if values.size % channels:
        raise InputError(f"{values.size} samples in {field} do not divide into {channels} channels")
    samples = (
        (values.astype(np.float64) / full_scale).astype(np.float32).reshape(-1, channels)
    )  # (frames, channels)
    return _chunk(message.header, samples, _positive(info.rate, "rate"))


def _chunk(header: Any, samples: np.ndarray, rate: int) -> AudioChunk:
    frame_id = header.frame_id or "microphone_array"
    return AudioChunk(_nanoseconds(header.stamp), NOT_COUNTED, samples, rate, frame_id)


def _nanoseconds(stamp: Any) -> int:
    return int(stamp.sec) * NS + int(stamp.nanosec)


def _bytes(data: Any) -> Any:
    # rclpy gives array.array, rosbags ndarray, some bridges a list of integers
    return bytes(data) if isinstance(data, (list, tuple)) else data


def _positive(value: Any, name: str) -> int:
    if int(value) < 1:
        raise InputError(f"sound message with {name} = {value}: the sender must fill it in")
    return int(value)
