"""Sound and video files as a stream."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import read_audio, read_mono, write_audio
from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.stream import Source
from avloc_ros.sources.video_file import VideoWriter, video_file_info, video_sound
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NS = 1_000_000_000


def hum() -> np.ndarray:
    """Low-pass noise (32000,), which is like itself at no other time."""
    return 0.3 * np.convolve(np.random.default_rng(0).normal(size=32000), np.ones(8) / 8, "same")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    time_s = np.arange(32000) / 16000
    tone = 0.4 * np.sin(2 * np.pi * 440 * time_s)
    write_audio(folder / "sound.wav", np.stack([tone, -tone, 0 * tone], axis=1), 16000)
    with VideoWriter(folder / "clip.mp4", (64, 48), 20.0, sample_rate_hz=16000) as writer:
        for number in range(40):
            writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
        writer.write_sound(hum()[:, None])
    assert writer.codec == "h264" or pytest.skip("PyAV without libx264: OpenCV's mp4 has no sound")
    return folder


def test_wav_and_mp4_together(files):
    source = open_source(f"{files / 'sound.wav'},{files / 'clip.mp4'}", start_ns=7 * NS)
    assert isinstance(source, Source)
    assert (source.sample_rate_hz, source.fps, source.duration_s) == (16000, 20.0, pytest.approx(2.0))
    items = list(source)
    frames = [item for item in items if isinstance(item, VideoFrame)]
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    assert [frame.stamp_ns for frame in frames] == [7 * NS + k * NS // 20 for k in range(40)]
    assert np.array_equal(np.concatenate([c.samples for c in chunks]), read_audio(files / "sound.wav")[0])
    assert [item.stamp_ns for item in items] == sorted(item.stamp_ns for item in items)


def test_the_sound_track_of_a_video_is_in_sync(files):
    source = open_source(files / "clip.mp4")
    chunks = [item for item in source if isinstance(item, AudioChunk)]
    sound = np.concatenate([chunk.samples[:, 0] for chunk in chunks])
    # AAC is lossy, but the hum has to lie at its sample
    scores = np.correlate(sound[8000:12000], hum()[6000:14000], "valid")
    assert abs(2000 - int(np.argmax(scores))) <= 1


def test_sound_and_pictures_alone(files):
    assert open_source(files / "sound.wav").fps == 0.0
    assert all(isinstance(item, AudioChunk) for item in open_source(files / "sound.wav"))
    info = video_file_info(files / "clip.mp4")
    assert (info.width, info.height, info.frames, info.has_audio) == (64, 48, 40, True)
    samples, rate_hz = video_sound(files / "clip.mp4")
    assert rate_hz == 16000
    assert samples.shape[1] == 1
    mono, _ = read_mono(files / "sound.wav")
    assert np.abs(mono).max() < 1e-4  # a tone, its opposite and silence


def test_what_does_not_fit_is_said(files, tmp_path):
    array = MicrophoneArray(np.array([[0.0, 0, 0], [0.1, 0, 0]]), name="pair")
    with pytest.raises(InputError, match=r"3 channels, the array 'pair' has 2"):
        open_source(files / "sound.wav", array=array)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"give one sound file \(\.wav"):
        open_source(tmp_path / "notes.txt")
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"bad\.mp4 is not a video"):
        open_source(tmp_path / "bad.mp4")
    with pytest.raises(InputError, match="no such file"):
        open_source("a.wav,b.mp4")


@pytest.fixture(scope="module")
def data_kit():
    folder = os.environ.get("AVLOC_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AVLOC_DATA names no data kit")
    return Path(folder)


def test_a_real_clip_of_the_data_kit(data_kit):
    """MPEG-1 with mp2 sound, which OpenCV's wheel cannot read: 75 pictures at 25 fps and as long a sound track."""
    source = open_source(sorted((data_kit / "av" / "grid").glob("*.mpg"))[0])
    items = list(source)
    frames = [item for item in items if isinstance(item, VideoFrame)]
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    assert source.fps == 25.0
    assert len(frames) == pytest.approx(75, abs=1)
    assert sum(len(c.samples) for c in chunks) / source.sample_rate_hz == pytest.approx(
        len(frames) / 25, abs=0.1
    )


def test_a_real_recording_of_the_data_kit(data_kit):
    folder = data_kit / "array_recordings" / "respeaker4_multissl"
    array = MicrophoneArray.load(data_kit / "arrays" / "respeaker_usb_4mic.json")
    recording = sorted(folder.glob("*.wav"))[0]
    chunk = next(iter(open_source(recording)))
    if chunk.channels == array.channels:
        assert open_source(recording, array=array).array is array
    assert chunk.samples.dtype == np.float32
    assert 0 < np.abs(chunk.samples).max() <= 1.0
