"""What is lost, late, twice or out of order between a sound stream and a camera, and streams that stop or jump in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS  # of the recordings


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
    status = sync.status()
    assert (status.clock_steps, status.restarts) == ((1, 0) if "without" in restart else (0, 1))
    assert status.resets == 0


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
    ignored = play_streams(make_sync(recording, frame_clock="audio"), recording.packets(), recording.pictures())
    assert [w.stamp_ns for _, w in ignored] == [w.stamp_ns for _, w in windows]  # a camera does not hold them up
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


@pytest.mark.parametrize("duration_s", [0.8, 4.0])
@pytest.mark.parametrize("settings", [{}, {"frame_clock": "audio", "window_s": 0.1, "frame_rate_hz": 10.0}])
@pytest.mark.parametrize("loses", [False, True])
def test_a_recording_that_loops_with_the_stamps_of_now_loses_nothing(
    make_recording, make_sync, play_streams, duration_s, settings, loses
):
    recording = make_recording(duration_s=duration_s)
    shift_s = duration_s + 0.33  # the new pass begins a little later, and its samples are counted anew
    shift_ns = round(shift_s * NS)
    again = [(t + shift_s, replace(c, stamp_ns=c.stamp_ns + shift_ns)) for t, c in recording.packets()]
    if loses:
        del again[20]
    pictures = recording.pictures()
    pictures += [(t + shift_s, stamp + shift_ns, time_s + shift_s) for t, stamp, time_s in pictures]
    sync, said, windows = make_sync(recording, **settings), set(), []
    for packet in recording.packets() + again:
        now = [p for p in pictures if p[0] <= packet[0]]
        del pictures[: len(now)]
        windows += play_streams(sync, [packet], now)
        said |= set(sync.status().reasons)
    status = sync.status()
    assert (status.restarts, status.clock_steps, status.resets) == (1, 0, 0)
    assert (status.gaps, status.lost_samples) == ((1, 320) if loses else (0, 0))
    assert any("packets are lost" in words for words in said) == loses
    assert any("began again after 0.33 s" in words for words in said)
    assert not status.dropped_windows
    for _, window in windows:  # each from its own pass
        from_s = (window.stamp_ns - START_NS) / NS
        heard = window.samples[window.samples[:, 0] > 0, 0]
        in_pass_s = (heard - 1) / recording.rate_hz + (shift_s if from_s > duration_s else 0.0)
        first = np.flatnonzero(window.samples[:, 0] > 0)[0] / recording.rate_hz
        is_first = 0 <= from_s - shift_s < 0.02  # its picture came before the sound that told of the new pass
        assert in_pass_s[0] == pytest.approx(from_s + first, abs=0.02 if is_first else 1e-3)
    assert sum(window.valid_fraction == 1.0 for _, window in windows) >= 2 * duration_s / (1 / 10 if settings else 1 / 25) - 7


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
