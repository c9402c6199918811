"""Sound that is no good, and senders that do not count their samples: named, marked, and never mistaken for time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.types import AudioChunk, InputError

NS = 1_000_000_000


# --------------------------------------------------------------------------------------------------- bad sound
def noise_chunk(index: int, samples: np.ndarray, rate_hz: int = 16000) -> AudioChunk:
    return AudioChunk(index * NS // rate_hz, index, samples.astype(np.float32), rate_hz)


@pytest.mark.parametrize(
    ("bad", "words"), [(0.0, "channel 2 is silent"), (np.nan, "channel 2 is not finite")]
)
def test_a_dead_or_nan_channel_is_named_and_marked(make_recording, make_sync, bad, words):
    sync = make_sync(make_recording(channels=4), frame_clock="audio")
    samples = np.random.default_rng(0).normal(size=(16000, 4)) * 0.01
    samples[:, 2] = bad
    for first in range(0, 16000, 320):
        sync.push_audio(noise_chunk(first, samples[first : first + 320]))
    windows = sync.pop()
    assert windows
    for window in windows:
        assert window.usable_channels.tolist() == [True, True, False, True]
        assert np.isfinite(window.samples).all()
    assert any(words in reason for reason in sync.status().reasons)


def test_silence_on_all_channels_is_not_a_fault(make_recording, make_sync):
    sync = make_sync(make_recording(channels=3), frame_clock="audio")
    sync.push_audio(noise_chunk(0, np.zeros((3200, 3))))
    assert all(window.usable_channels.all() for window in sync.pop())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": np.zeros((320, 5), np.float32)}, "5 channels, the stream has 2"),
        ({"samples": np.zeros(320, np.float32)}, "channels"),
        ({"sample_rate_hz": 48000}, "48000 Hz, the stream has 16000 Hz"),
        ({"samples": np.zeros((0, 2), np.float32)}, "without samples"),
    ],
)
def test_another_format_is_refused_in_words_and_the_stream_goes_on(
    make_recording, make_sync, play_streams, change, words
):
    recording = make_recording(duration_s=2.0)
    packets, pictures = recording.packets(), recording.pictures()
    sync = make_sync(recording)
    windows = play_streams(sync, packets[:50], pictures[:25])
    with pytest.raises(InputError, match=words):
        sync.push_audio(replace(packets[50][1], **change))
    assert any(words in reason for reason in sync.status().reasons)
    windows += play_streams(sync, packets[50:], pictures[25:])
    assert len(windows) >= len(pictures) - 1


def test_stamps_that_stand_still_are_named(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    sync = make_sync(recording)
    play_streams(sync, [(t, replace(chunk, stamp_ns=0)) for t, chunk in recording.packets()], [])
    assert any("audio stamps stand still" in reason for reason in sync.status().reasons)


def test_stamps_that_stand_still_are_named_where_nobody_counts(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    sync = make_sync(recording)
    packets = [(t, replace(chunk, stamp_ns=0, first_sample_index=-1)) for t, chunk in recording.packets()]
    play_streams(sync, packets, [])
    assert any("audio stamps stand still" in reason for reason in sync.status().reasons)


def test_stamps_of_another_clock_are_told_apart_from_a_delay(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    for back_s, words in ((3.0, "3.0 s ahead of the other stream"), (1.5e9, "does not fill in header.stamp")):
        sync = make_sync(recording)
        packets = [(t, replace(chunk, stamp_ns=chunk.stamp_ns + round(back_s * 1e9))) for t, chunk in recording.packets()]
        play_streams(sync, packets, recording.pictures())
        assert any(words in reason for reason in sync.status().reasons)


def test_a_wrong_sample_rate_is_suspected(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=6.0)
    packets = [(t, replace(chunk, sample_rate_hz=14400)) for t, chunk in recording.packets()]
    sync = make_sync(replace(recording, rate_hz=14400))
    play_streams(sync, packets, recording.pictures())
    assert any("+11.1 % off: does the sender state its true sample_rate" in r for r in sync.status().reasons)


# ------------------------------------------------------------------------------------------ senders without a count
def test_uncounted_packets_with_losses_are_found_from_stamps(
    make_recording, make_sync, play_streams, errors_ms
):
    recording = make_recording(duration_s=10.0, counted=False, jitter_s=0.001)
    keep = np.random.default_rng(2).random(len(recording.packets())) > 0.1
    packets = [packet for packet, kept in zip(recording.packets(), keep, strict=True) if kept]
    sync, pictures = make_sync(recording), recording.pictures()
    errors = errors_ms(recording, pictures, play_streams(sync, packets, pictures))
    assert len(errors) > 150
    assert np.abs(errors[:, 1]).max() < 1.5
    lost = int((~keep).sum()) * 320
    assert sync.status().lost_samples == pytest.approx(lost, abs=3 * 320)


def test_an_uncounted_loss_shows_through_heavy_jitter(make_recording, make_sync, play_streams, errors_ms):
    recording = make_recording(duration_s=12.0, counted=False, jitter_s=0.015)
    packets = [(t, chunk) for t, chunk in recording.packets() if not 5.0 < t < 5.1]
    sync, pictures = make_sync(recording), recording.pictures()
    errors = errors_ms(recording, pictures, play_streams(sync, packets, pictures))
    assert np.abs(errors[errors[:, 0] > 6.5, 1]).max() < 6.0
    assert sync.status().lost_samples == pytest.approx(5 * 320, abs=320)


def test_a_packet_longer_than_the_buffer(make_recording, make_sync):
    sync = make_sync(make_recording(), frame_clock="audio", buffer_s=1.0)
    samples = np.random.default_rng(0).normal(size=(160000, 2))
    sync.push_audio(noise_chunk(0, samples))
    windows = sync.pop()
    assert len(windows) == 26  # the newest second; what is older was never kept
    first = round(windows[0].stamp_ns * 16000 / NS)
    assert np.allclose(windows[0].samples, samples[first : first + 640].astype(np.float32))
