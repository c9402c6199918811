"""Sound mixed on the fly: convolution, geometry, voice activity and targets against independent ways to get them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import fftconvolve

torch = pytest.importorskip("torch")
pytest.importorskip("pyroomacoustics")

from avloc_ros.datasets.grids.targets import TargetConfig, grid_targets  # noqa: E402
from avloc_ros.datasets.mixtures import response_bank  # noqa: E402
from avloc_ros.datasets.mixtures.dsw_audio import MixConfig, MixedSound, convolved  # noqa: E402
from avloc_ros.datasets.mixtures.joined_voices import JoinedVoices  # noqa: E402
from avloc_ros.datasets.mixtures.response_bank import BankConfig, make_bank  # noqa: E402
from avloc_ros.datasets.mixtures.voices import Voice  # noqa: E402
from avloc_ros.features.inputs.dsw_input import DswInputConfig, frame_maps, stacked_frames  # noqa: E402
from avloc_ros.geometry import CameraModel  # noqa: E402
from avloc_ros.microphone_array import MicrophoneArray  # noqa: E402
from avloc_ros.types import InputError  # noqa: E402

RATE = 16000
ARRAY = MicrophoneArray(np.array([[0.0, 0.1, 0.0], [0.0, -0.1, 0.0], [0.1, 0.0, 0.05]]))
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)
LAYOUT = DswInputConfig(microphones=3, sample_rate_hz=RATE, fft_length=1024, bins=512)
BANK = BankConfig(rooms=2, places=6, longest_rt60_s=0.2, longest_response_s=0.1, in_view=0.7)


@pytest.fixture(scope="module")
def bank():
    return make_bank(ARRAY, CAMERA, RATE, BANK, 2, seed=3)


def burst(start_s, end_s, total_s):
    """A voice that is noise between two times."""
    samples = np.random.default_rng(0).normal(0, 1, round(total_s * RATE)).astype(np.float32)
    time_s = np.arange(len(samples)) / RATE
    samples[(time_s < start_s) | (time_s >= end_s)] = 0
    blocks = np.arange(round(total_s * 100)) / 100
    return Voice(samples, (blocks >= start_s) & (blocks < end_s))


def sound_of(bank, voices, clips=2, **mix):
    config = MixConfig(**{"clip_frames": 4, "lowest_snr_db": 60.0, "highest_snr_db": 60.0, "sensor_snr_db": 60.0} | mix)
    return MixedSound(bank, voices, LAYOUT, config, TargetConfig(), (20, 24), (720, 450), clips, seed=1)


def test_batched_convolution_is_scipys_without_the_run_in():
    rng = np.random.default_rng(0)
    dry, responses = rng.normal(size=(2, 3, 700)).astype(np.float32), rng.normal(size=(2, 3, 4, 150)).astype(np.float32)
    heard = convolved(torch.from_numpy(dry), torch.from_numpy(responses)).numpy()
    assert heard.shape == (2, 3, 4, 550)
    for clip, source, microphone in ((0, 0, 0), (1, 2, 3), (0, 1, 2)):
        expected = fftconvolve(dry[clip, source], responses[clip, source, microphone])[150:700]
        np.testing.assert_allclose(heard[clip, source, microphone], expected, atol=1e-3)


def test_responses_arrive_when_geometry_says(bank):
    """The first sound at two microphones differs by the path difference to where the camera shows the source."""
    checked = 0
    for room in range(2):
        for place in np.flatnonzero(np.isfinite(bank.u_px[room])):
            direction = CAMERA.rays(np.array([bank.u_px[room, place], bank.v_px[room, place]]))
            first = [int(np.argmax(np.abs(bank.responses[room, place, m]))) for m in range(3)]
            expected = (ARRAY.positions_m[1] - ARRAY.positions_m[0]) @ direction / 343.0 * RATE
            assert first[0] - first[1] == pytest.approx(expected, abs=1.7)
            checked += 1
    assert 4 <= checked < 12  # some are seen, some are not


class PickledThreads(ThreadPoolExecutor):
    """What a pool of processes does with its work, without the seconds that a process takes to start."""

    def __init__(self, jobs, mp_context):
        super().__init__(jobs)

    def map(self, work, *several, chunksize):
        return super().map(pickle.loads(pickle.dumps(work)), *several)


def test_rooms_of_several_processes_are_the_same(bank, monkeypatch):
    monkeypatch.setattr(response_bank, "ProcessPoolExecutor", PickledThreads)
    again = make_bank(ARRAY, CAMERA, RATE, BANK, 2, seed=3, jobs=2)
    np.testing.assert_array_equal(again.responses, bank.responses)
    np.testing.assert_array_equal(again.u_px, bank.u_px)


def test_batches_have_the_shapes_and_come_back_the_same(bank):
    sound = sound_of(bank, [burst(0, 2, 2)])
    batch, again, other = sound[5], sound[5], sound[6]
    assert batch["spectra"].shape == (8, 6, 3, 512) and batch["target"].shape == (8, 20, 24)
    assert torch.equal(batch["spectra"], again["spectra"]) and not torch.equal(batch["spectra"], other["spectra"])
    assert float(batch["spectra"].abs().max()) <= 1


def test_targets_follow_voice_activity_and_place(bank):
    """With one loud talker, a frame's level says whether it speaks, and the target holds the place of the response."""
    sound = sound_of(bank, [burst(0.5, 1.0, 1.5)], clips=1, max_talkers=1, level_db=0.0)
    spoke = silent = 0
    for index in range(60):
        (clip,) = sound.clips_of(index)
        level = np.sqrt((clip.samples[1:5] ** 2).mean((1, 2)))  # the inner frames
        loud = level > 0.3 * level.max()
        if not clip.speaking.any() or clip.speaking.all():
            continue
        mixed = clip.speaking[:, 0]
        assert (loud[mixed]).mean() > 0.5
        spoke, silent = spoke + mixed.sum(), silent + (~mixed).sum()
        target = sound[index]["target"].numpy()
        seen = np.isfinite(clip.u_px[:, 0])
        assert (target.sum((1, 2)) == (mixed & seen)).all()
        for frame in np.flatnonzero(mixed & seen):
            cell = int(clip.v_px[frame, 0] // 22.5), int(clip.u_px[frame, 0] // 30)
            assert target[frame][cell] == 1
    assert spoke > 3 and silent > 3


def test_inputs_and_targets_in_torch_are_those_of_numpy(bank):
    """The live tracker's features and the fusion's targets are the other way to get them."""
    for layout in ("phase", "ipd"):
        sound = sound_of(bank, [burst(0.2, 1.0, 1.5)], max_talkers=2)
        sound.layout, sound.target = replace(LAYOUT, layout=layout, frames_before=2), TargetConfig(spread_cells=0.8)
        batch, clips = sound[3], sound.clips_of(3)
        for number, clip in enumerate(clips):
            expected = stacked_frames(frame_maps(clip.samples, sound.layout), sound.layout)[2:6]
            part = batch["spectra"][4 * number : 4 * number + 4].numpy()
            assert part.shape == expected.shape
            # a phase of -pi may come back as pi
            apart = np.abs(part - expected)
            assert np.minimum(apart, np.abs(apart - 2)).max() < 2e-3 and np.median(apart) < 1e-5
            np.testing.assert_array_equal(sound.spectra_of(clip), part)
            target = grid_targets(clip.u_px, clip.v_px, clip.speaking, (720, 450), 20, 24, 0.8)
            np.testing.assert_allclose(batch["target"][4 * number : 4 * number + 4].numpy(), target, atol=1e-5)


def test_excerpts_are_silent_beyond_a_voice_and_active_where_it_is():
    voices = JoinedVoices([burst(0.0, 0.5, 1.0), burst(0.2, 0.4, 0.5)])
    found = voices.excerpts(np.array([1, 0]), np.array([-800, 8000]), 16000).numpy()
    own = burst(0.2, 0.4, 0.5).samples
    assert not found[0, :800].any() and not found[0, 800 + len(own) :].any()
    np.testing.assert_array_equal(found[0, 800 : 800 + len(own)], own)
    assert not found[1].any()  # the second half of the first voice is silent, and then it ends
    edges = np.array([[-0.1, 0.1, 0.3, 0.5, 0.9]])
    assert voices.is_active(np.array([1]), edges)[0].tolist() == [False, True, True, False]


def test_a_camera_that_looks_at_nothing_near_is_refused():
    far = replace(CAMERA, position_m=np.array([500.0, 0.0, 0.0]))
    with pytest.raises(InputError, match="metres"):
        make_bank(ARRAY, far, RATE, replace(BANK, places=2, in_view=1.0), 1, seed=0)
