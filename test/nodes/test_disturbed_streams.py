"""The running nodes under what streams do in the field: what is published, and what the user is told."""

from __future__ import annotations

import array
import time
from copy import deepcopy

import numpy as np
import pytest
from builtin_interfaces.msg import Time

from avloc_ros.nodes.messages.conversions import stamp_message, stamp_ns
from avloc_ros.nodes.visual_detector import VisualDetectorNode

AUDIO, VIDEO, FUSED = 0, 1, 2
FACE_AZIMUTH_DEG = float(np.degrees(np.arctan2(-(220.0 - 160.0), 270.0)))


def test_undisturbed_streams_give_the_talker_and_no_complaint(pipeline):
    pipeline.talk(1.6)
    seen = pipeline.seen
    assert pipeline.wait(lambda: len(seen.speakers) >= 18)
    assert seen.modalities().count(FUSED) >= 0.9 * len(seen.grids)
    assert abs(np.median(seen.azimuths_deg()) - FACE_AZIMUTH_DEG) < 3
    assert any(speaker.is_speaking for speaker in seen.speakers[-1].speakers)
    stamps = seen.stamps_ns()
    assert stamps == sorted(set(stamps))
    assert not any("no output" in words for node in seen.words.values() for words in node)
    looks = seen.values["visual_detector"]["network looks"]  # at every one of the 12.5 pictures a second
    assert float(looks.split("/s")[0]) == pytest.approx(12.5, abs=1.5) and looks.endswith("the last 0.00 s old")


def test_camera_stops_and_returns(pipeline, faults):
    seen = pipeline.seen
    pipeline.talk(1.4, faults(camera=False))
    assert seen.modalities()[-1] == AUDIO  # sound goes on alone, and is marked so
    assert seen.speakers[-1].speakers
    assert seen.said("visual_detector", "no image for")
    assert seen.said("audio_tracker", "windows follow the sound")
    assert seen.said("fusion", "no visual_grid for") and seen.said("fusion", "the grid rests on sound alone")
    seen.clear()
    assert pipeline.talk_until(lambda: seen.modalities()[-5:] == [FUSED] * 5)
    assert pipeline.wait(lambda: "no image" not in seen.words["visual_detector"][-1])


def test_audio_stops_and_returns(pipeline, faults):
    seen = pipeline.seen
    pipeline.talk(1.4, faults(audio=False))
    assert seen.modalities()[-1] == VIDEO
    assert seen.speakers[-1].speakers and seen.speakers[-1].speakers[0].sources & 2  # still seen
    assert seen.said("audio_tracker", "no audio for")
    assert seen.said("fusion", "no audio_grid for") and seen.said("fusion", "the grid rests on the picture alone")
    seen.clear()
    assert pipeline.talk_until(lambda: seen.modalities()[-5:] == [FUSED] * 5)
    assert pipeline.wait(lambda: "no audio" not in seen.words["audio_tracker"][-1])


def test_both_late_by_300_ms(pipeline, faults):
    seen = pipeline.seen
    time.sleep(0.3)  # stamps go on where they stopped: from here on all comes 300 ms after its capture
    pipeline.talk(1.6)
    assert pipeline.wait(lambda: len(seen.grids) >= 15)
    assert seen.modalities()[-8:] == [FUSED] * 8
    latency_ms = float(seen.values["speaker_tracker"]["speakers latency_ms p50 p95 p99"].split()[1])  # 95 %
    assert latency_ms > 300  # honest: from capture, not from arrival
    assert not seen.said("fusion", "rests on")


def test_ten_percent_of_audio_packets_lost(pipeline, faults):
    lost = set(np.random.default_rng(3).choice(100, 10, replace=False))
    pipeline.talk(2.0, faults(on_audio=lambda message, number: None if number % 100 in lost else message))
    seen = pipeline.seen
    assert pipeline.wait(lambda: len(seen.speakers) >= 22)  # 25 frames were sent
    assert np.mean(np.abs(np.array(seen.azimuths_deg()) - FACE_AZIMUTH_DEG) < 5) > 0.9
    assert seen.said("audio_tracker", "audio packets are lost")
    assert int(seen.values["audio_tracker"]["audio gaps"]) >= 5
    assert "the upper one is assumed" in seen.values["audio_tracker"]["geometry"]  # of a flat array
    assert int(seen.values["audio_tracker"]["audio lost samples"]) >= 5 * 320


def test_stamps_that_jitter_by_15_ms(pipeline, faults):
    generator = np.random.default_rng(11)

    def jitter(message, number):
        moved = stamp_ns(message.header.stamp) + int(generator.uniform(-15e6, 15e6))
        message.header.stamp = stamp_message(moved)
        return message

    pipeline.talk(2.4, faults(on_audio=jitter, on_image=jitter))
    seen = pipeline.seen
    assert pipeline.wait(lambda: len(seen.speakers) >= 26)  # 30 frames were sent
    assert seen.modalities().count(FUSED) >= 0.8 * len(seen.grids)
    assert np.mean(np.abs(np.array(seen.azimuths_deg()) - FACE_AZIMUTH_DEG) < 5) > 0.9
    assert float(seen.values["audio_tracker"]["audio stamp jitter_ms"]) > 3
    assert int(seen.values["audio_tracker"]["audio gaps"]) == 0  # jitter is no loss


def test_duplicates_and_out_of_order(pipeline, faults):
    held = {}

    def shuffle(message, number):  # each tenth packet comes once more, with the stamp and index of the one before
        held["audio"], before = deepcopy(message), held.get("audio")
        return before if number % 10 == 9 else message

    def shuffle_images(message, number):
        held["image"], before = deepcopy(message), held.get("image")
        return before if number % 7 == 6 else message

    pipeline.talk(2.0, faults(on_audio=shuffle, on_image=shuffle_images))
    seen = pipeline.seen
    stamps = seen.stamps_ns()
    assert len(stamps) >= 18
    assert stamps == sorted(set(stamps))  # each moment once, in order
    assert pipeline.wait(lambda: int(seen.values["visual_detector"].get("dropped image repeated", 0)) >= 2)
    assert int(seen.values["audio_tracker"]["audio duplicates"]) > 3
    assert seen.modalities().count(FUSED) > 0.7 * len(seen.grids)


def test_time_jumps_back_when_a_bag_loops(pipeline, faults):
    seen = pipeline.seen
    back = faults(stamp_shift_ns=-30_000_000_000)
    newest_before = pipeline.start_ns + pipeline.frame * 80_000_000
    assert pipeline.talk_until(lambda: sum(s < newest_before - 20_000_000_000 for s in seen.stamps_ns()) > 10, faults=back)
    assert seen.modalities()[-5:] == [FUSED] * 5
    for node in ("visual_detector", "audio_tracker", "fusion", "speaker_tracker"):
        assert pipeline.wait(lambda node=node: seen.said(node, "jumped back by")), node


def test_a_silent_and_a_broken_channel(pipeline, faults):
    def spoil(message, number):
        samples = np.frombuffer(message.data, np.float32).reshape(-1, 4).copy()
        samples[:, 2] = 0.0 if number % 100 < 50 else np.nan
        message.data = array.array("B", samples.tobytes())
        return message

    pipeline.talk(2.0, faults(on_audio=spoil))
    seen = pipeline.seen
    assert np.mean(np.abs(np.array(seen.azimuths_deg()) - FACE_AZIMUTH_DEG) < 5) > 0.9  # by the other three
    assert seen.said("audio_tracker", "channel 2 is silent")
    assert seen.said("audio_tracker", "not finite")


def test_wrong_channel_count(pipeline, faults):
    def two_channels(message, number):
        samples = np.frombuffer(message.data, np.float32).reshape(-1, 4)[:, :2]
        message.channels = 2
        message.data = array.array("B", samples.tobytes())
        return message

    pipeline.talk(1.2, faults(on_audio=two_channels))
    seen = pipeline.seen
    assert seen.said("audio_tracker", "audio has 2 channels, the array")
    assert seen.modalities()[-1] == VIDEO
    assert pipeline.talk_until(lambda: seen.modalities()[-3:] == [FUSED] * 3)  # right again
    assert pipeline.wait(lambda: "2 channels" not in seen.words["audio_tracker"][-1])


def test_wrong_encodings(pipeline, faults):
    def as_mp3(message, number):
        message.encoding = "MP3"
        return message

    def as_nonsense(message, number):
        message.encoding = "quad9"
        return message

    pipeline.talk(1.2, faults(on_audio=as_mp3, on_image=as_nonsense))
    seen = pipeline.seen
    assert seen.said("audio_tracker", "audio encoding 'MP3' is not known")
    assert seen.said("visual_detector", "image encoding 'quad9' cannot be turned into bgr8")
    assert pipeline.wait(lambda: seen.said("speaker_tracker", "no output"))
    assert pipeline.talk_until(lambda: seen.modalities()[-3:] == [FUSED] * 3)


def test_pictures_whose_stamp_nobody_fills_in_are_named(rig, faults):
    def unstamped(message, _number):
        message.header.stamp = Time()
        return message

    rig.add(VisualDetectorNode)
    faults.on_image = unstamped
    words = "stamps of image stand still: its sender must fill in header.stamp"
    assert rig.talk_until(lambda: rig.seen.said("visual_detector", words), faults=faults)
    rig.seen.clear()
    assert rig.talk_until(lambda: rig.seen.said("visual_detector", "running"))
    assert words not in rig.seen.words["visual_detector"][-1]


def test_image_size_changes_in_mid_stream(pipeline, faults):
    def half(message, number):
        picture = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)[::2, ::2]
        message.height, message.width, message.step = 100, 160, 480
        message.data = array.array("B", picture.tobytes())
        return message

    seen = pipeline.seen
    smaller = faults(on_image=half)
    assert pipeline.talk_until(lambda: seen.modalities()[-5:] == [FUSED] * 5 and seen.grids[-1].u_step < 10, faults=smaller)
    assert seen.said("visual_detector", "image size changed from 320x200 to 160x100")
    assert abs(seen.azimuths_deg()[-1] - FACE_AZIMUTH_DEG) < 5
