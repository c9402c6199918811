"""Batches made at once are those that numpy makes one by one, and rooms on a device those of pyroomacoustics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

torch = pytest.importorskip("torch")
pytest.importorskip("pyroomacoustics")

from avloc_ros.config import shipped_folder  # noqa: E402
from avloc_ros.datasets.mixtures.any_array_batches import EARLY_SAMPLES, BatchMixer  # noqa: E402
from avloc_ros.datasets.mixtures.any_array_draws import GROUPS, draw_batch, draw_pairs  # noqa: E402
from avloc_ros.datasets.mixtures.any_array_mix import Mixer, Mixture  # noqa: E402
from avloc_ros.datasets.mixtures.room_bank import RATE_HZ, generator_of, plan_room  # noqa: E402
from avloc_ros.datasets.mixtures.room_tensors import BEFORE_PEAK, MOST_CHANNELS, RoomTensors  # noqa: E402
from avloc_ros.datasets.mixtures.sound_tensors import Recorded, SoundTensors  # noqa: E402
from avloc_ros.datasets.mixtures.sounds import SoundLibrary  # noqa: E402
from avloc_ros.microphone_array import MicrophoneArray  # noqa: E402

FRAMES, EXAMPLES = 20, 6
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def mixer() -> BatchMixer:
    library = SoundLibrary([], [], 3, 0)
    sounds = SoundTensors(Recorded(library.voices, library.synthetic, []), 3, 0, CPU)
    arrays = [MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{n}.yaml") for n in ("line_4mic", "head_6mic")]
    rooms = RoomTensors(3, 5, arrays, CPU)
    while not rooms.full:
        rooms.add()
    return BatchMixer(sounds, rooms, EXAMPLES, FRAMES)


@pytest.mark.parametrize("index", [0, 1, 4])
def test_rooms_are_those_of_pyroomacoustics(index):
    """Up to where image sources are complete, between 200 and 5000 Hz; what comes later is noise of its own."""
    plan = plan_room(generator_of(9, index), [])
    rooms = RoomTensors(index + 1, 9, [], CPU)
    rooms.count = index
    rooms.add()
    stored_m = rooms.positions_m[index, : rooms.channels[index]]
    kept = [np.linalg.norm(plan.array.positions_m - position, axis=1).argmin() for position in stored_m]
    assert len(kept) == min(plan.array.channels, MOST_CHANNELS)
    band = butter(2, [200, 5000], "band", fs=RATE_HZ, output="sos")
    places = [0, 4, 10]  # talkers and another sound
    wanted = plan.room.responses(plan.microphones_m[kept], plan.places_m[places], RATE_HZ)
    for place, response in zip(places, wanted, strict=True):
        found = rooms.responses[index, place, : len(kept)].float().numpy()
        start = np.abs(response[:, 0]).argmax() - BEFORE_PEAK
        until = min(plan.traced_samples - 400, len(response)) - start
        until = min(until, 2000)
        reference = response[start : start + until].T
        reference, own = (sosfilt(band, part, axis=1) for part in (reference, found[:, :until]))
        scale = np.sum(reference * own) / np.sum(own**2)
        assert np.sum((reference - scale * own) ** 2) < 0.015 * np.sum(reference**2)
    np.testing.assert_allclose(rooms.directions[index], plan.directions, atol=1e-6)


def test_mixtures_are_those_of_one_by_one(mixer):
    """The same draw through scipy: every sound through its filter and its response, every group at its level."""
    draw = draw_batch(np.random.default_rng(3), mixer.sounds, mixer.rooms, EXAMPLES, FRAMES)
    dry = mixer.dry(draw.entries)
    quiet = draw.hiss_db.copy()
    draw.hiss_db[:] = 400.0  # noise of the microphones is not drawn twice
    samples, speech = mixer.mix(draw, dry, torch.Generator())
    e = draw.entries
    assert set(e.group) == {0, 1, 2, 3} and (draw.places[:, 0] < 0).any() and len(quiet) == EXAMPLES
    for example in range(EXAMPLES):
        channels = mixer.rooms.channels[draw.room[example]]
        groups = np.zeros((GROUPS, mixer.length, channels))
        for n in np.flatnonzero((e.example == example) & (e.gain > 0)):
            response = mixer.rooms.responses[draw.room[example], e.place[n], :channels].numpy().astype(float)
            if e.late[n]:
                response[:, :EARLY_SAMPLES] = 0
            response /= np.sqrt(np.sum(response[0] ** 2))
            sound = lfilter([1.0, e.zero[n]], [1.0, -e.pole[n]], dry[n].numpy()) * e.gain[n]
            groups[e.group[n]] += fftconvolve(sound[None], response, axes=1)[:, : mixer.length].T
        level = np.sqrt(np.mean(groups[0] ** 2)) if draw.places[example].max() >= 0 else 0.1
        total = groups[0].copy()
        for group in (1, 2, 3):
            rms = np.sqrt(np.mean(groups[group] ** 2))
            total += groups[group] / max(rms, 1e-9) * level * 10 ** (-draw.below_db[example, group] / 20)
        gains = draw.gains[example, :channels] * 0.1 / level
        wanted = (total * gains).T
        np.testing.assert_allclose(samples[example, :channels], wanted, atol=1e-4 * np.abs(wanted).max())
        np.testing.assert_allclose(speech[example], groups[0][:, 0] * gains[0], atol=1e-4 * np.abs(wanted).max())
        assert samples[example, channels:].abs().max() == 0 if channels < MOST_CHANNELS else True


def test_analysis_is_that_of_one_by_one(mixer):
    draw = draw_batch(np.random.default_rng(4), mixer.sounds, mixer.rooms, EXAMPLES, FRAMES)
    samples, speech = mixer.mix(draw, mixer.dry(draw.entries), torch.Generator().manual_seed(1))
    batch = mixer.analyse(draw, samples, speech)
    single = Mixer(SoundLibrary([], [], 1, 0), [], FRAMES)
    for example in range(EXAMPLES):
        channels = mixer.rooms.channels[draw.room[example]]
        mixture = Mixture(samples[example, :channels].numpy().T, speech[example].numpy(), np.zeros((0, 3)), np.zeros((0, FRAMES)))
        wanted = single.analyse(mixture, 0)
        np.testing.assert_allclose(batch.levels[example], wanted.levels, atol=1e-4)
        np.testing.assert_allclose(batch.voice_share[example], wanted.voice_share, atol=1e-4)
        phases = wanted.phases.reshape(-1, *wanted.phases.shape[2:]).transpose(1, 0, 2)
        found = batch.phases[example, :channels].numpy()
        loud = np.abs(samples[example].numpy()).max() > 0
        assert loud and np.mean(np.abs(found - phases) < 1e-3) > 0.995  # where nothing sounds, a phase is anything


def test_talkers_speak_when_their_sound_is_there(mixer):
    agree = []
    for seed in range(3):
        draw = draw_batch(np.random.default_rng(seed), mixer.sounds, mixer.rooms, EXAMPLES, FRAMES)
        dry = mixer.dry(draw.entries).numpy()
        for n in np.flatnonzero((draw.entries.group == 0) & (draw.entries.gain > 0)):
            slot = int(np.flatnonzero(draw.places[draw.entries.example[n]] == draw.entries.place[n])[0])
            active = draw.active[draw.entries.example[n], slot]
            level = np.sqrt((dry[n].reshape(FRAMES, -1) ** 2).mean(1))
            assert (level[~active].max(initial=0) < 0.1) or not active.any() or level[active].mean() > level[~active].mean()
            agree.append(np.mean((level > 0.01) == active))
    assert np.mean(agree) > 0.75


def test_pairs_are_of_microphones_that_are_there():
    channels = np.array([3, 4, 6])
    pairs, is_pair = draw_pairs(np.random.default_rng(1), channels, 6)
    assert is_pair.sum(1).tolist() == [3, 6, 9]
    for number, chosen, real in zip(channels, pairs, is_pair, strict=True):
        assert chosen[real].max() < number and len({tuple(p) for p in chosen[real]}) == real.sum()
