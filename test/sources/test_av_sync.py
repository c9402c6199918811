"""Alignment of sound and pictures under everything that a robot does to stamps and packets."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.types import AudioChunk, InputError

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


# --------------------------------------------------------------------------------------- losses, order, duplicates
def test_ten_percent_of_packets_lost(make_recording, make_sync, play_streams, errors_ms):
    recording = make_recording(duration_s=10.0)
    keep = np.random.default_rng(5).random(len(recording.packets())) > 0.1
    keep[-1] = True  # a loss at the very end cannot be known
    packets = [packet for packet, kept in zip(recording.packets(), keep, strict=True) if kept]
    sync, pictures = make_sync(recording), recording.pictures()
    windows = play_streams(sync, packets, pictures)
    whole = errors_ms(recording, pictures, windows)
    assert np.abs(whole[:, 1]).max() < 0.1  # what is whole is in place
    status = sync.status()
    assert status.lost_samples == int((~keep).sum()) * 320
    assert len(windows) + status.dropped_windows >= len(pictures) - 1
    assert status.windows > 0.95 * len(pictures)
    for _, window in windows:
        zeros = np.count_nonzero(window.samples[:, 0] == 0)
        assert window.valid_fraction == pytest.approx(1 - zeros / len(window.samples))
    assert any("packets are lost" in reason for reason in status.reasons)


def test_packets_out_of_order_are_put_in_place(make_recording, make_sync, play_streams, errors_ms):
    recording = make_recording(duration_s=4.0)
    packets = recording.packets()
    for first in range(10, len(packets) - 1, 10):  # each tenth packet comes after its successor
        (early, one), (late, other) = packets[first], packets[first + 1]
        packets[first], packets[first + 1] = (late + 1e-4, one), (early, other)
    sync, pictures = make_sync(recording), recording.pictures()
    windows = play_streams(sync, packets, pictures)
    assert len(errors_ms(recording, pictures, windows)) >= len(pictures) - 1
    status = sync.status()
    assert status.out_of_order == len(range(10, len(packets) - 1, 10))
    assert status.lost_samples == 0


def test_duplicates_change_nothing(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    packets, pictures = recording.packets(), recording.pictures()
    once = play_streams(make_sync(recording), packets, pictures)
    sync = make_sync(recording)
    twice = play_streams(
        sync, [p for p in packets for _ in range(2)], [p for p in pictures for _ in range(2)]
    )
    assert [w.stamp_ns for _, w in once] == [w.stamp_ns for _, w in twice]
    assert all(np.array_equal(a.samples, b.samples) for (_, a), (_, b) in zip(once, twice, strict=True))
    assert sync.status().duplicates == len(packets)
    assert sync.status().duplicate_frames == len(pictures)


def test_frames_out_of_order_come_out_in_order(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    pictures = recording.pictures()
    swapped = list(pictures)
    for first in range(4, len(swapped) - 1, 7):
        (early, *one), (_, *other) = swapped[first], swapped[first + 1]
        # the later frame comes first, the earlier one while both still wait for their sound
        swapped[first], swapped[first + 1] = (early, *other), (early + 0.01, *one)
    windows = play_streams(make_sync(recording), recording.packets(), swapped)
    assert [w.stamp_ns for _, w in windows] == sorted(stamp for _, stamp, _ in pictures)[: len(windows)]
    assert len(windows) >= len(pictures) - 1


def test_a_frame_later_than_its_successor_is_left_out_and_counted(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    pictures = recording.pictures()
    _, stamp, time_s = pictures[20]
    pictures[20] = (time_s + 0.3, stamp, time_s)
    sync = make_sync(recording)
    windows = play_streams(sync, recording.packets(), pictures)
    assert stamp not in [w.stamp_ns for _, w in windows]
    assert sync.status().late == 1


# ----------------------------------------------------------------------------------------------- interruptions
def test_audio_stops_and_returns(make_recording, make_sync, play_streams, errors_ms):
    recording = make_recording(duration_s=12.0)
    packets = [(t, chunk) for t, chunk in recording.packets() if not 3.0 < t < 8.0]
    sync, pictures = make_sync(recording), recording.pictures()
    half = [p for p in pictures if p[0] < 5.0]
    windows = play_streams(sync, [p for p in packets if p[0] < 5.0], half)
    assert any("audio ends" in reason for reason in sync.status().reasons)
    windows += play_streams(sync, [p for p in packets if p[0] >= 5.0], pictures[len(half) :])
    errors = errors_ms(recording, pictures, windows)
    assert np.abs(errors[:, 1]).max() < 0.1
    returned = errors[errors[:, 0] > 8.0]
    assert returned[0, 0] < 8.1
    assert len(returned) >= 0.98 * 4.0 * 25 - 1
    assert sync.status().pending <= 2
    assert sync.status().gaps == 1


@pytest.mark.parametrize("restart", ["index goes on without the pause", "index starts at zero"])
def test_a_sender_that_was_paused_or_restarted_is_placed_by_its_stamps(
    make_recording, make_sync, play_streams, errors_ms, restart
):
    recording = make_recording(duration_s=12.0)
    before = [(t, chunk) for t, chunk in recording.packets() if t < 3.0]
    after = [(t, chunk) for t, chunk in recording.packets() if t > 8.0]
    first = after[0][1].first_sample_index
    base = before[-1][1].first_sample_index + 320 if "without" in restart else 0
    after = [
        (t, replace(chunk, first_sample_index=chunk.first_sample_index - first + base)) for t, chunk in after
    ]
    sync, pictures = make_sync(recording), recording.pictures()
    windows = play_streams(sync, before + after, pictures)
    errors = errors_ms(recording, pictures, windows)
    assert np.abs(errors[:, 1]).max() < 0.1
    assert np.count_nonzero(errors[:, 0] > 8.0) >= 98
    assert sync.status().clock_steps == 1
    assert sync.status().resets == 0


def test_camera_stops_for_5_s_and_returns(make_recording, make_sync, play_streams, errors_ms):
    recording = make_recording(duration_s=12.0)
    pictures = [p for p in recording.pictures() if not 3.0 < p[0] < 8.0]
    sync = make_sync(recording)
    windows = play_streams(sync, recording.packets(), pictures)
    stamps = np.array([w.stamp_ns for _, w in windows])
    assert (np.diff(stamps) > 0).all()
    frame_stamps = {stamp for _, stamp, _ in pictures}
    own = [(t, w) for t, w in windows if w.stamp_ns not in frame_stamps]
    # after camera_timeout_s of sound without a frame, windows follow the sound at 25 Hz
    assert len(own) == pytest.approx((5.0 - 0.5) * 25, abs=3)
    assert all(t < 8.1 for t, _ in own)
    back = errors_ms(recording, pictures, [(t, w) for t, w in windows if w.stamp_ns in frame_stamps])
    assert np.abs(back[:, 1]).max() < 0.1
    assert np.count_nonzero(back[:, 0] > 8.0) >= 97
    # and no window of the gap comes in a burst
    assert max(np.bincount([round(t / 0.02) for t, _ in windows])) <= 3


def test_without_camera_the_sound_is_the_clock(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=4.0)
    sync = make_sync(recording, frame_clock="audio")
    windows = play_streams(sync, recording.packets(), [])
    assert len(windows) == 100
    assert np.array_equal(np.diff([w.stamp_ns for _, w in windows]), np.full(99, NS // 25))
    assert all(w.valid_fraction == 1.0 for _, w in windows)
    waiting = make_sync(recording)  # auto: after half a second of hope
    assert len(play_streams(waiting, recording.packets(), [])) == pytest.approx(87, abs=1)
    assert any("no camera" in reason for reason in waiting.status().reasons)
    never = make_sync(recording, frame_clock="camera")
    assert not play_streams(never, recording.packets(), [])


def test_without_audio_frames_are_let_go_with_the_reason(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=4.0)
    sync = make_sync(recording)
    assert not play_streams(sync, [], recording.pictures())
    status = sync.status()
    assert status.pending <= 14  # half a second
    assert status.dropped_windows > 80
    assert any("no audio has come" in reason for reason in status.reasons)


# ------------------------------------------------------------------------------------------------- time jumps
@pytest.mark.parametrize("order", ["both", "audio first", "camera first"])
def test_a_bag_that_loops_starts_again(make_recording, make_sync, play_streams, errors_ms, order):
    recording = make_recording(duration_s=4.0)
    packets, pictures = recording.packets(), recording.pictures()
    shift_audio, shift_video = {"both": (4.0, 4.0), "audio first": (4.0, 4.2), "camera first": (4.2, 4.0)}[
        order
    ]
    sync = make_sync(recording)
    windows = play_streams(
        sync,
        packets + [(t + shift_audio, chunk) for t, chunk in packets],
        pictures + [(t + shift_video, stamp, time_s) for t, stamp, time_s in pictures],
    )
    second = [(t, w) for t, w in windows if t > 4.25]
    errors = errors_ms(recording, pictures, second)
    assert np.abs(errors[:, 1]).max() < 0.1
    assert len(errors) >= 90
    status = sync.status()
    assert status.resets == 2  # sound and camera
    assert status.pending <= 2


def test_one_stray_stamp_does_not_reset(make_recording, make_sync, play_streams):
    recording = make_recording(duration_s=2.0)
    packets, pictures = recording.packets(), recording.pictures()
    packets[40] = (packets[40][0], replace(packets[40][1], stamp_ns=0))
    pictures[20] = (pictures[20][0], 5, pictures[20][2])
    sync = make_sync(recording)
    windows = play_streams(sync, packets, pictures)
    assert sync.status().resets == 0
    assert sync.status().rejected == 2
    assert len(windows) >= len(pictures) - 3


def test_a_clock_step_forward_is_followed(make_recording, make_sync, play_streams, errors_ms):
    """An NTP step of 0.4 s moves the stamps of both streams; the sample count knows nothing of it."""
    recording = make_recording(duration_s=4.0)
    step_ns = round(0.4 * NS)
    packets = [
        (t, replace(c, stamp_ns=c.stamp_ns + step_ns) if t > 2.0 else c) for t, c in recording.packets()
    ]
    pictures = [
        (t, stamp + step_ns if t > 2.0 else stamp, time_s) for t, stamp, time_s in recording.pictures()
    ]
    sync = make_sync(recording)
    errors = errors_ms(recording, pictures, play_streams(sync, packets, pictures))
    assert sync.status().clock_steps == 1
    assert len(errors) > 90
    assert np.abs(errors[errors[:, 0] > 2.2, 1]).max() < 8.0


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


def test_a_packet_longer_than_the_buffer(make_recording, make_sync):
    sync = make_sync(make_recording(), frame_clock="audio", buffer_s=1.0)
    samples = np.random.default_rng(0).normal(size=(160000, 2))
    sync.push_audio(noise_chunk(0, samples))
    windows = sync.pop()
    assert len(windows) == 26  # the newest second; what is older was never kept
    first = round(windows[0].stamp_ns * 16000 / NS)
    assert np.allclose(windows[0].samples, samples[first : first + 640].astype(np.float32))


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
