"""The ear for directions: who is where in its batches, learning changes nothing but the ear, and it finds what is steered at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from far_field import as_heard

from avloc_ros.config import shipped_folder
from avloc_ros.datasets.glasses.spoken_directions import SpokenDirections, at_beams, beams_at
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.direction_ear import DirectionEar
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.sources.person_boxes import WEARER
from avloc_ros.sources.scene import write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.training.asl_unet.directions import (
    DirectionEarRecipe,
    drawn,
    train_direction_ear,
    with_direction_ear,
)
from avloc_ros.types import InputError

AUDIO = SegmentAudioConfig(bands=32, beams=9)
NETWORK = SpeakerUNetConfig(
    rows=36, cols=64, colours=1, context_frames=0, width=4, levels=2, audio_width=4, audio_channels=15, beams=9, faces=True
)
FRAMES, RATE, FPS = 60, 16_000, 20
PEOPLE_DEG = {"anna": 45.0, "bert": 0.0, "carl": -30.0, "dora": 100.0}  # dora is outside the fan
SPEAKS = {0: "anna", 1: "bert", 2: "carl"}  # in which scene, in frames 20 to 39
ALONE = DirectionEarRecipe(batch_size=40, joined=0.0, noisy=0.0, gain_db=0.0, elsewhere=0)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("glasses"), np.random.default_rng(0)
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "glasses_6mic.yaml")
    for number, name in SPEAKS.items():
        sound = 0.01 * rng.standard_normal((FRAMES * RATE // FPS, 6))
        spoken = slice(20 * RATE // FPS, 40 * RATE // FPS)
        sound[spoken] += 0.1 * as_heard(rng.standard_normal(20 * RATE // FPS), array, PEOPLE_DEG[name], 0.0, RATE)
        truth = [
            TruthRow.unseen(k, FPS, who, np.deg2rad(azimuth_deg), 0.0, 1.5, who == name and 20 <= k < 40)
            for k in range(FRAMES)
            for who, azimuth_deg in PEOPLE_DEG.items()
        ]
        truth += [TruthRow.unseen(k, FPS, WEARER, 0.0, -1.3, 0.1, False) for k in range(FRAMES)]
        write_scene(
            folder / f"scene{number}", array=array, audio=sound.astype(np.float32), sample_rate_hz=RATE, fps=FPS, truth=truth,
            encoding="F32LE",
        )  # fmt: skip
    return folder


def test_people_stand_at_their_beams_and_who_is_outside_the_fan_is_unknown(scenes):
    moments = SpokenDirections([scenes], AUDIO)
    assert len(moments) == 3 * FRAMES
    assert moments.beams[0, :3].numpy() == pytest.approx([1.0, 4.0, 6.0])  # beams every 15 degrees from 60 on the left
    assert moments.known[:, :3].all() and not moments.known[:, 3:].any()
    for scene in SPEAKS:
        speaking = moments.speaking[scene * FRAMES : (scene + 1) * FRAMES]
        assert speaking[20:40, scene].all() and speaking.sum() == 20
    assert len(moments.spoken) == 60 and len(moments.silent) == 120
    assert {int(k) % FRAMES for k in moments.backgrounds} == {k for k in range(FRAMES) if k < 15 or k > 44}


def test_values_between_two_beams_lie_on_a_line():
    line = torch.tensor([[0.0, 2.0, 6.0]])
    found = at_beams(line, torch.tensor([[-0.4, 0.0, 0.5, 1.25, 2.0, 2.4]]))
    assert found[0].tolist() == pytest.approx([0.0, 0.0, 1.0, 3.0, 6.0, 6.0])
    assert beams_at(np.deg2rad([60.0, 52.5, -60.0]), AUDIO.fan) == pytest.approx([0.0, 0.5, 8.0])


def test_what_is_drawn_has_the_labels_of_everybody_who_is_heard(scenes):
    moments = SpokenDirections([scenes], AUDIO)
    recipe = replace(ALONE, joined=1.0, spoken=1.0, elsewhere=3)
    batch = drawn(moments, recipe, torch.Generator().manual_seed(0))
    people = moments.beams.shape[1]
    assert batch.sound.shape == (40, 15, 32, 22) and batch.places.shape == (40, 2 * people + 3)
    assert (batch.speaking[:, : 2 * people].sum(1) == 2).all() and not batch.speaking[:, -3:].any()
    assert batch.counted[batch.speaking].all()
    for places, speaking, counted in zip(batch.places, batch.speaking, batch.counted, strict=True):
        for place in places[counted & ~speaking]:  # a silent direction must not be that of somebody who speaks
            assert (places[speaking] - place).abs().min() >= recipe.apart
    alone = drawn(moments, replace(recipe, joined=0.0), torch.Generator().manual_seed(0))
    assert (alone.speaking.sum(1) == 1).all() and not alone.counted[:, people : 2 * people].any()


def test_a_restaurant_is_mixed_in_at_the_level_that_is_asked_for(scenes):
    moments = SpokenDirections([scenes], replace(AUDIO, full_scale=False))
    recipe = replace(ALONE, spoken=0.0, batch_size=60, lowest_snr_db=0.0, highest_snr_db=0.0)
    clean = drawn(moments, recipe, torch.Generator().manual_seed(3)).sound[:, :6]
    noisy = drawn(moments, replace(recipe, noisy=1.0), torch.Generator().manual_seed(3)).sound[:, :6]
    risen_db = 20 * (noisy - clean).median(3).values.median()
    assert 2.0 < risen_db < 4.5  # twice the power


def test_learning_finds_who_speaks_and_leaves_the_rest_as_it_was(scenes):
    torch.manual_seed(0)
    moments, before = SpokenDirections([scenes], AUDIO), SpeakerUNet(NETWORK).eval()
    network = with_direction_ear(before.state_dict(), NETWORK, 32, 8)
    recipe = replace(ALONE, filters=8, steps=30, batch_size=12, learning_rate=0.02, average=0.8)
    train_direction_ear(network, moments, recipe, say=pytest.fail)  # fewer steps than are worth a line
    batch = drawn(moments, replace(ALONE, spoken=1.0), torch.Generator().manual_seed(9))
    pictures = torch.randn(40, 1, 1, 36, 64)
    with torch.no_grad():
        found, expected = network(pictures, batch.sound), before(pictures, batch.sound)
    at_people = at_beams(found.directions, batch.places)
    speaking, silent = at_people[batch.speaking], at_people[batch.counted & ~batch.speaking]
    assert len(speaking) == 40 and len(silent) > 40
    assert (speaking[:, None] > silent).float().mean() > 0.95
    assert torch.equal(found.mask, expected.mask) and torch.equal(found.wearer, expected.wearer)
    with pytest.raises(InputError, match="has no ear for directions"):
        train_direction_ear(before, moments, recipe)


def test_every_beam_is_heard_by_the_same_filters():
    torch.manual_seed(1)
    ear = DirectionEar(6, 24, 16, 22, 8).eval()
    sound = torch.zeros(1, 30, 16, 22)
    first, second = sound.clone(), sound.clone()
    first[:, 6 + 8], second[:, 6 + 14] = 0.8, 0.8
    with torch.no_grad():
        one, other = ear(first)[0], ear(second)[0]
    assert one[6:11] == pytest.approx(other[12:17], abs=1e-5)
    assert not torch.allclose(one[6:11], other[6:11], atol=1e-3)


def test_scenes_in_which_nobody_speaks_and_networks_that_cannot_hear_are_refused(scenes, tmp_path):
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "glasses_6mic.yaml")
    truth = [TruthRow.unseen(k, FPS, "anna", 0.0, 0.0, 1.5, False) for k in range(30)]
    sound = np.zeros((30 * RATE // FPS, 6), np.float32)
    write_scene(tmp_path / "quiet", array=array, audio=sound, sample_rate_hz=RATE, fps=FPS, truth=truth, encoding="F32LE")
    with pytest.raises(InputError, match="no spoken moment"):
        SpokenDirections([tmp_path], AUDIO)
    with pytest.raises(InputError, match="needs beams, and faces"):
        replace(NETWORK, direction_filters=8, faces=False)
    with pytest.raises(InputError, match=r"lowest_snr_db is 20\.0, above"):
        DirectionEarRecipe(lowest_snr_db=20.0)
