"""PCM bytes against soundfile's own reading of the same bytes, and round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from avloc_ros.sources.audio_encoding import BYTES_PER_SAMPLE, decode_samples, encode_samples
from avloc_ros.types import InputError

SUBTYPES = {"S16LE": "PCM_16", "S24LE": "PCM_24", "S32LE": "PCM_32", "F32LE": "FLOAT"}
STEP = {"S16LE": 2.0**-15, "S24LE": 2.0**-23, "S32LE": 2.0**-23, "F32LE": 0.0}  # float32 has 24 bits


@pytest.mark.parametrize("encoding", BYTES_PER_SAMPLE)
def test_decoding_agrees_with_soundfile(tmp_path, encoding):
    soundfile = pytest.importorskip("soundfile")
    samples = np.random.default_rng(0).uniform(-1, 1, (999, 6))
    data = encode_samples(samples, encoding)
    path = tmp_path / "raw"
    path.write_bytes(data)
    theirs, _ = soundfile.read(
        path,
        format="RAW",
        subtype=SUBTYPES[encoding],
        channels=6,
        samplerate=16000,
        endian="LITTLE",
        dtype="float32",
    )
    assert np.array_equal(decode_samples(data, encoding, 6, 999), theirs)


@pytest.mark.parametrize("encoding", BYTES_PER_SAMPLE)
def test_writing_agrees_with_soundfile(tmp_path, encoding):
    soundfile = pytest.importorskip("soundfile")
    samples = np.random.default_rng(1).uniform(-0.99, 0.99, (500, 3))
    path = tmp_path / "raw"
    soundfile.write(path, samples, 16000, format="RAW", subtype=SUBTYPES[encoding], endian="LITTLE")
    theirs = decode_samples(path.read_bytes(), encoding, 3)
    ours = decode_samples(encode_samples(samples, encoding), encoding, 3)
    assert np.abs(theirs - ours).max() <= STEP[encoding]  # rounding may differ by one step


@settings(max_examples=40, deadline=None)
@given(
    samples=hnp.arrays(
        np.float32, st.tuples(st.integers(1, 50), st.integers(1, 8)), elements=st.floats(-1, 1, width=32)
    ),
    encoding=st.sampled_from(sorted(BYTES_PER_SAMPLE)),
)
def test_round_trip_loses_less_than_a_step(samples, encoding):
    data = encode_samples(samples, encoding)
    assert len(data) == samples.size * BYTES_PER_SAMPLE[encoding]
    back = decode_samples(data, encoding, samples.shape[1], samples.shape[0])
    assert back.dtype == np.float32
    assert np.abs(back - samples).max() <= STEP[encoding]


@pytest.mark.parametrize("encoding", ["S16LE", "S24LE", "S32LE"])
def test_full_scale_is_clipped_not_wrapped(encoding):
    back = decode_samples(encode_samples(np.array([[1.5, -1.5, 1.0, -1.0]]), encoding), encoding, 4)[0]
    assert back[0] > 0.99
    assert back[1] == -1.0
    assert back[2] > 0.99
    assert back[3] == -1.0


def test_integers_land_where_they_belong():
    assert decode_samples(bytes([0x00, 0x80]), "S16LE", 1)[0, 0] == -1.0
    assert decode_samples(bytes([0x00, 0x00, 0x40]), "S24LE", 1)[0, 0] == 0.5
    assert decode_samples(bytes([0xFF, 0xFF, 0xFF]), "S24LE", 1)[0, 0] == -(2.0**-23)


def test_nan_passes_in_floats_and_is_silence_in_integers():
    samples = np.array([[np.nan, 0.5]], np.float32)
    assert np.isnan(decode_samples(encode_samples(samples, "F32LE"), "F32LE", 2)[0, 0])
    assert decode_samples(encode_samples(samples, "S16LE"), "S16LE", 2)[0].tolist() == [0.0, 0.5]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_any_buffer_is_read(kind):
    assert decode_samples(kind(bytes(12)), "S16LE", 2).shape == (3, 2)


@pytest.mark.parametrize(
    ("data", "encoding", "channels", "frames", "words"),
    [
        (bytes(12), "MP3", 2, None, "S16LE, S24LE, S32LE, F32LE"),
        (bytes(12), "S16LE", 0, None, "0 channels"),
        (bytes(13), "S16LE", 2, None, "multiple of 4"),
        (bytes(12), "S16LE", 2, 4, "16 bytes for 4 frames"),
    ],
)
def test_bad_data_is_refused_in_words(data, encoding, channels, frames, words):
    with pytest.raises(InputError, match=words):
        decode_samples(data, encoding, channels, frames)
