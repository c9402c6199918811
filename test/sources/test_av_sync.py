"""Alignment of sound and pictures under everything that a robot does to stamps and packets."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.types import AudioChunk

NS = 1_000_000_000


# ------------------------------------------------------------------------------------------------- clean streams
@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000])
def test_every_frame_gets_exactly_its_samples(make_recording, make_sync, play_streams, errors_ms, rate_hz):
    recording = make_recording(rate_hz=rate_hz, duration_s=2.0)
    sync, pictures = make_sync(recording), recording.pictures()
    windows = play_streams(sync, recording.packets(), pictures)
    windows += [(0.0, window) for window in sync.flush()]
    assert [w.stamp_ns for _, w in windows] == [stamp for _, stamp, _ in pictures]
    assert all(w.samples.shape == (round(0.04 * rate_hz), 2) for _, w in windows)
    errors = errors_ms(recording, pictures, windows)
    assert len(errors) >= len(pictures) - 1  # the last window reaches past the end of the sound
    assert np.abs(errors[:, 1]).max() < 1000 / rate_hz  # a sample


def test_a_window_comes_as_soon_as_its_sound_is_there(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    truth = {stamp: time_s for _, stamp, time_s in recording.pictures()}
    for popped_s, window in play_streams(make_sync(recording), recording.packets(), recording.pictures()):
        assert popped_s - (truth[window.stamp_ns] + 0.04) <= recording.packet_s + 1e-6


@pytest.mark.parametrize("past_ms", [0.3, 0.7])
def test_a_window_that_ends_just_after_a_packet_does_not_wait_for_the_next(make_recording, make_sync, past_ms):
    recording = make_recording(duration_s=0.4)  # packets of 20 ms, so that 40 ms after 100 ms one ends
    chunks = [chunk for _, chunk in recording.packets()]
    stamp_ns = chunks[0].stamp_ns + round((100 + past_ms) * 1e6)

    def first_window(sync):
        return next((count, windows[0]) for count, chunk in enumerate(chunks) if (windows := push(sync, chunk)))

    def push(sync, chunk):
        sync.push_audio(chunk)
        return sync.pop()

    live, patient = make_sync(recording), make_sync(recording, snap_s=0.0)
    for sync in (live, patient):
        sync.push_frame(stamp_ns)
    (packet, window), (packet_of_patient, exact) = first_window(live), first_window(patient)
    assert packet_of_patient == 7  # it ends within the eighth packet
    assert packet == (6 if past_ms < 0.5 else 7)  # snap_s is half a millisecond
    assert window.samples[0, 0] - exact.samples[0, 0] == (-round(past_ms * 16) if past_ms < 0.5 else 0)
    from_bag = make_sync(recording)  # all the sound is there before the picture: the same window as live
    for chunk in chunks:
        from_bag.push_audio(chunk)
    from_bag.push_frame(stamp_ns)
    assert np.array_equal(from_bag.pop()[0].samples, window.samples)


def test_windows_are_continuous_samples(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    for _, window in play_streams(make_sync(recording), recording.packets(), recording.pictures()):
        assert np.array_equal(np.diff(window.samples[:, 0]), np.ones(len(window.samples) - 1))


# ------------------------------------------------------------------------------------------ drift, jitter, lateness
@pytest.mark.parametrize("seed", range(4))
def test_jitter_of_15_ms_moves_windows_by_less_than_2_ms(
    make_recording, make_sync, play_streams, errors_ms, seed
):
    recording = make_recording(duration_s=20.0, jitter_s=0.015, seed=seed)
    sync, pictures = make_sync(recording), recording.pictures()
    errors = errors_ms(recording, pictures, play_streams(sync, recording.packets(), pictures))
    assert len(errors) > 490
    assert np.abs(errors[errors[:, 0] > 2.0, 1]).max() < 2.0
    assert sync.status().jitter_ms == pytest.approx(
        15 / np.sqrt(3), rel=0.15
    )  # standard deviation of a uniform law


@pytest.mark.parametrize("fps", [15.0, 25.0, 29.97])
def test_jitter_of_camera_stamps_is_smoothed_but_the_stamp_is_kept(
    make_recording, make_sync, play_streams, errors_ms, fps
):
    recording = make_recording(duration_s=40.0, frame_jitter_s=0.015, fps=fps)
    pictures = recording.pictures()
    windows = play_streams(make_sync(recording), recording.packets(), pictures)
    errors = errors_ms(recording, pictures, windows)  # by the frames' own stamps
    late = np.abs(errors[errors[:, 0] > 10.0, 1])
    assert late.max() < 4.0
    assert np.percentile(late, 90) < 2.5
    unsmoothed = play_streams(make_sync(recording, smooth_frames=False), recording.packets(), pictures)
    assert np.abs(errors_ms(recording, pictures, unsmoothed)[:, 1]).max() > 12.0  # what smoothing removed


@pytest.mark.parametrize("drift_ppm", [200.0, -200.0])
def test_drift_over_10_minutes_stays_below_1_ms(
    make_recording, make_sync, play_streams, errors_ms, drift_ppm
):
    # 8 kHz, so that float32 counts every sample of ten minutes
    recording = make_recording(rate_hz=8000, duration_s=600.0, drift_ppm=drift_ppm, packet_s=0.04, channels=1)
    sync, pictures = make_sync(recording), recording.pictures()
    errors = errors_ms(recording, pictures, play_streams(sync, recording.packets(), pictures))
    assert len(errors) > 14990
    assert np.abs(errors[:, 1]).max() < 1.0
    assert sync.status().drift_ppm == pytest.approx(drift_ppm, abs=1.0)


def test_drift_and_jitter_together(make_recording, make_sync, play_streams, errors_ms):
    recording = make_recording(
        rate_hz=8000, duration_s=300.0, drift_ppm=200.0, jitter_s=0.015, packet_s=0.04, channels=1
    )
    sync, pictures = make_sync(recording), recording.pictures()
    errors = errors_ms(recording, pictures, play_streams(sync, recording.packets(), pictures))
    assert np.abs(errors[errors[:, 0] > 60.0, 1]).max() < 1.5
    assert sync.status().drift_ppm == pytest.approx(200.0, abs=10.0)


@pytest.mark.parametrize(("audio_late_s", "video_late_s"), [(0.3, 0.0), (0.0, 0.3), (0.3, 0.3), (0.0, 1.5)])
def test_late_streams_lose_nothing(
    make_recording, make_sync, play_streams, errors_ms, audio_late_s, video_late_s
):
    recording = make_recording(duration_s=4.0, audio_late_s=audio_late_s, video_late_s=video_late_s)
    pictures = recording.pictures()
    sync = make_sync(recording, frame_clock="camera" if video_late_s > 0.5 else "auto")
    errors = errors_ms(recording, pictures, play_streams(sync, recording.packets(), pictures))
    assert len(errors) >= len(pictures) - 1
    assert np.abs(errors[:, 1]).max() < 0.1


# ----------------------------------------------------------------------------------------------- cost and memory
def test_memory_is_bounded_and_a_push_is_cheap(make_recording, make_sync):
    import time
    import tracemalloc

    sync = make_sync(make_recording(rate_hz=48000, channels=6))
    samples = np.random.default_rng(0).normal(size=(960, 6)).astype(np.float32)

    def run(first: int, packets: int) -> None:
        for number in range(first, first + packets):
            index = number * 960
            sync.push_audio(AudioChunk(index * NS // 48000, index, samples, 48000))
            if number % 2 == 0:
                sync.push_frame(index * NS // 48000)
            sync.pop()

    run(0, 500)
    tracemalloc.start()
    run(500, 500)
    before = tracemalloc.get_traced_memory()[0]
    run(1000, 1000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 50_000  # bytes
    best = np.inf
    for first in range(2000, 4000, 400):
        start = time.process_time()
        run(first, 400)
        best = min(best, (time.process_time() - start) / 400)
    assert best < 1e-3  # a generous bound for a busy machine; docs/time.md has the measured figure


# ------------------------------------------------------------------------------------------------ everything at once
@pytest.mark.parametrize("seed", range(25))
def test_any_mixture_of_faults_keeps_order_bounds_and_sense(make_recording, make_sync, seed):
    """Losses, repeats, swaps, jitter, pauses, restarts, jumps of either stream at random: nothing raises or piles up."""
    rng = np.random.default_rng(seed)
    recording = make_recording(
        rate_hz=8000,
        duration_s=8.0,
        jitter_s=rng.choice([0.0, 0.002, 0.02]),
        frame_jitter_s=rng.choice([0.0, 0.015]),
        drift_ppm=rng.uniform(-300, 300),
        counted=bool(rng.random() < 0.7),
        audio_late_s=rng.choice([0.0, 0.3]),
        video_late_s=rng.choice([0.0, 0.3]),
        seed=seed,
    )
    events = [(t, chunk) for t, chunk in recording.packets()] + [
        (t, stamp) for t, stamp, _ in recording.pictures()
    ]
    for begin in rng.uniform(0, 7, 3):  # pauses of one of the streams
        kind = AudioChunk if rng.random() < 0.5 else int
        events = [
            e for e in events if not (isinstance(e[1], kind) and begin < e[0] < begin + rng.uniform(0.05, 2))
        ]
    events = [e for e in events if rng.random() > 0.05]
    events += [e for e in events if rng.random() < 0.05]  # twice
    events = [
        (t + (rng.uniform(0, 0.1) if rng.random() < 0.1 else 0.0), item) for t, item in events
    ]  # out of order
    if rng.random() < 0.5:  # the bag loops
        events += [(t + 8.5, item) for t, item in events]
    if rng.random() < 0.5:  # the sound's sender starts its count again
        cut = rng.uniform(2, 6)
        events = [
            (
                t,
                replace(c, first_sample_index=max(c.first_sample_index - 20000, -1))
                if isinstance(c, AudioChunk) and t > cut
                else c,
            )
            for t, c in events
        ]
    sync = make_sync(recording)
    popped = []
    for _, item in sorted(events, key=lambda event: event[0]):
        if isinstance(item, AudioChunk):
            sync.push_audio(item)
        else:
            sync.push_frame(item)
        resets = sync.status().resets
        popped += [(resets, window) for window in sync.pop()]
        assert sync.status().pending <= 40
    popped += [(sync.status().resets, window) for window in sync.flush()]
    assert sync.status().pending == 0
    for (resets, one), (later_resets, other) in itertools.pairwise(popped):
        assert later_resets > resets or other.stamp_ns > one.stamp_ns
    for _, window in popped:
        assert window.samples.shape == (320, 2)
        assert np.isfinite(window.samples).all()
        assert 0.25 <= window.valid_fraction <= 1.0
    status = sync.status()
    assert status.windows == len(popped)
    assert all(isinstance(reason, str) and reason for reason in status.reasons)
    assert len(popped) > 25
