"""Sound messages of other packages, by their fields (definitions as those packages publish them)."""

from __future__ import annotations

import array
from types import SimpleNamespace as Message

import numpy as np
import pytest

from avloc_ros.sources.adapters import AudioInfo, chunk_of, info_of, pcm_encoding
from avloc_ros.types import InputError

NS = 1_000_000_000
STAMP_NS = 12 * NS + 345
SAMPLES = np.array(
    [[0.5, -0.5], [0.25, 0.0], [-1.0, 0.125]], np.float32
)  # (frames, channels), exact in 16 bits
INT16 = np.round(SAMPLES * 2**15).astype("<i2")


def header(frame_id: str = "mics") -> Message:
    return Message(stamp=Message(sec=12, nanosec=345), frame_id=frame_id)


def audio_utils(**changes: object) -> Message:
    fields = {
        "header": header(), "format": "signed_16", "channel_count": 2, "sampling_frequency": 44100,
        "frame_sample_count": 3, "data": array.array("B", INT16.tobytes()),
    }  # fmt: skip
    return Message(**{**fields, **changes})


def ros_drivers(data: object = None) -> Message:
    return Message(header=header(""), audio=Message(data=data if data is not None else list(INT16.tobytes())))


def ros_drivers_info(**changes: object) -> Message:
    fields = {
        "channels": 2,
        "sample_rate": 16000,
        "sample_format": "S16LE",
        "bitrate": 0,
        "coding_format": "wave",
    }
    return Message(**{**fields, **changes})


def mgonzs13(portaudio_format: int = 8, field: str = "int16_data", values: object = None) -> Message:
    empty = {
        name: []
        for name in ("float32_data", "int32_data", "int24_data", "int16_data", "int8_data", "uint8_data")
    }
    data = Message(
        **{**empty, field: values if values is not None else array.array("h", INT16.reshape(-1).tolist())}
    )
    info = Message(format=portaudio_format, channels=2, rate=48000, chunk=3)
    return Message(header=header(), audio=Message(audio_data=data, info=info))


def foxglove(**changes: object) -> Message:
    fields = {
        "timestamp": Message(sec=12, nanosec=345), "data": INT16.tobytes(), "format": "pcm-s16",
        "sample_rate": 16000, "number_of_channels": 2,
    }  # fmt: skip
    return Message(**{**fields, **changes})


@pytest.mark.parametrize(
    ("message", "rate_hz", "frame_id"),
    [
        (audio_utils(), 44100, "mics"),
        (audio_utils(format="float", data=SAMPLES.tobytes()), 44100, "mics"),
        (mgonzs13(), 48000, "mics"),
        (mgonzs13(1, "float32_data", SAMPLES.reshape(-1)), 48000, "mics"),
        (
            mgonzs13(
                2, "int32_data", np.round(SAMPLES.reshape(-1).astype(float) * 2**31).clip(max=2**31 - 1)
            ),
            48000,
            "mics",
        ),
        (mgonzs13(4, "int24_data", (SAMPLES.reshape(-1) * 2**23).astype(np.int32)), 48000, "mics"),
        (foxglove(), 16000, "microphone_array"),
    ],
)
def test_messages_are_told_apart_by_their_fields(message, rate_hz, frame_id):
    chunk = chunk_of(message)
    assert np.array_equal(chunk.samples, SAMPLES)
    assert chunk.samples.dtype == np.float32
    assert (chunk.stamp_ns, chunk.sample_rate_hz, chunk.frame_id) == (STAMP_NS, rate_hz, frame_id)
    assert chunk.first_sample_index == -1


def test_audio_common_of_ros_drivers_needs_its_info_first():
    with pytest.raises(InputError, match="AudioInfo topic must come first"):
        chunk_of(ros_drivers())
    info = info_of(ros_drivers_info())
    assert info == AudioInfo(2, 16000, "S16LE")
    chunk = chunk_of(ros_drivers(), info)
    assert np.array_equal(chunk.samples, SAMPLES)
    assert (chunk.sample_rate_hz, chunk.frame_id) == (16000, "microphone_array")


@pytest.mark.parametrize("coding", ["mp3", "MP3", "flac", "opus"])
def test_compressed_sound_is_refused_with_the_way_out(coding):
    with pytest.raises(InputError, match=f"(?i)'{coding}'.*raw PCM"):
        info_of(ros_drivers_info(coding_format=coding))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (foxglove(format="aac"), "'aac' is compressed"),
        (foxglove(format="opus"), "'opus' is compressed"),
        (audio_utils(format="unsigned_padded_24"), "'unsigned_padded_24' is not known"),
        (audio_utils(channel_count=0), "channel_count = 0"),
        (audio_utils(frame_sample_count=4), "16 bytes for 4 frames"),
        (foxglove(data=bytes(7)), "multiple of 4"),
        (mgonzs13(32, "uint8_data", [1, 2]), "PortAudio format 32"),
        (mgonzs13(8, "int16_data", [1, 2, 3]), "3 samples in int16_data do not divide into 2"),
        (Message(data=b""), "not a sound message that is known"),
    ],
)
def test_what_cannot_be_read_is_said(message, words):
    with pytest.raises(InputError, match=words):
        chunk_of(message)


def test_names_of_pcm():
    assert [pcm_encoding(name) for name in ("S16LE", "signed_24", "float", "F32LE")] == [
        "S16LE",
        "S24LE",
        "F32LE",
        "F32LE",
    ]
