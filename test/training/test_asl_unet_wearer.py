"""The wearer's ear: moments are those of their scenes, learning changes nothing but the ear, and time counts for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from avloc_ros.config import shipped_folder
from avloc_ros.datasets.glasses.own_voice import OwnVoiceMoments
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig, window_around
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.models.asl_unet.wearer_ear import WearerEar
from avloc_ros.sources.person_boxes import WEARER
from avloc_ros.sources.scene import write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.asl_unet.wearer import WearerEarRecipe, drawn, train_ear, with_ear
from avloc_ros.types import InputError

AUDIO = SegmentAudioConfig(bands=32, beams=5)
NETWORK = SpeakerUNetConfig(
    rows=36, cols=64, colours=1, context_frames=0, width=4, levels=2, audio_width=4, audio_channels=11, beams=5, faces=True
)
FRAMES, RATE, FPS = 40, 16_000, 20


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Noise all the time, in frames 10 to 19 louder, most of all near the mouth: the wearer. The folder, and the sounds."""
    folder, rng, sounds = tmp_path_factory.mktemp("glasses"), np.random.default_rng(0), []
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "glasses_6mic.yaml")
    for number in range(3):
        sound = 0.01 * rng.standard_normal((FRAMES * RATE // FPS, 6)).astype(np.float32)
        sound[10 * RATE // FPS : 20 * RATE // FPS] *= np.linspace(10, 3, 6, dtype=np.float32)
        truth = [TruthRow.unseen(k, FPS, WEARER, 0.0, -1.3, 0.1, 10 <= k < 20) for k in range(FRAMES)]
        write_scene(
            folder / f"scene{number}", array=array, audio=sound, sample_rate_hz=RATE, fps=FPS, truth=truth, encoding="F32LE"
        )
        sounds.append(sound)
    return folder, sounds


def test_moments_are_the_windows_around_every_frame(scenes):
    folder, sounds = scenes
    moments = OwnVoiceMoments([folder], AUDIO)
    assert len(moments) == 3 * FRAMES and moments.speaking.view(3, FRAMES)[:, 10:20].all() and moments.speaking.sum() == 30
    for scene, frame in ((0, 0), (1, 15), (2, FRAMES - 1)):
        expected = window_around(sounds[scene], frame, AUDIO)
        found = moments.windows(torch.tensor([scene * FRAMES + frame]))[0]
        assert found.numpy() == pytest.approx(expected, abs=2e-4)  # kept in 16 bits
    away = {k for k in range(FRAMES) if k < 5 or k > 24}
    assert {int(k) % FRAMES for k in moments.backgrounds} == away
    assert len(OwnVoiceMoments([folder / "scene0"], AUDIO)) == FRAMES  # a scene itself, as everywhere
    with pytest.raises(InputError, match="no scene in"):
        OwnVoiceMoments([folder.parent / "elsewhere"], AUDIO)


def test_what_is_drawn_is_another_scenes_background_below_the_moment(scenes):
    moments = OwnVoiceMoments([scenes[0]], replace(AUDIO, full_scale=False))
    plain = WearerEarRecipe(batch_size=60, mixed=0.0, gain_db=0.0)
    clean, speaking = drawn(moments, plain, torch.Generator().manual_seed(0))
    loud = replace(plain, mixed=1.0, mixed_db=0.0)
    mixed, same = drawn(moments, loud, torch.Generator().manual_seed(0))
    assert clean.shape == (60, 6, 32, 22) and torch.equal(speaking, same) and 0 < speaking.sum() < 30
    quiet = speaking == 0
    risen_db = 20 * (mixed - clean)[quiet].median()  # not of means: beyond a scene's ends there was silence
    assert 2.0 < risen_db < 4.0  # twice the power


def test_learning_finds_the_wearer_and_leaves_the_rest_as_it_was(scenes):
    torch.manual_seed(0)
    moments, before = OwnVoiceMoments([scenes[0]], AUDIO), SpeakerUNet(NETWORK).eval()
    network = with_ear(before.state_dict(), NETWORK, 8)
    recipe = WearerEarRecipe(filters=8, steps=70, batch_size=16, learning_rate=0.02, mixed_db=0.0, average=0.9)
    said: list[str] = []
    train_ear(network, moments, recipe, say=said.append)
    sound, speaking = drawn(moments, replace(recipe, batch_size=100), torch.Generator().manual_seed(9))
    with torch.no_grad():
        found = network.wearer(sound).argmax(1)
    assert (found == speaking).float().mean() > 0.9
    pictures, heard = torch.randn(2, 1, 1, 36, 64), torch.randn(2, 11, 32, 22)
    with torch.no_grad():
        assert torch.equal(network(pictures, heard).mask, before(pictures, heard).mask)
        assert torch.equal(network.wearer_logits(heard), network(pictures, heard).wearer)
    assert not said  # fewer steps than are worth a line


def test_weights_of_another_network_and_a_window_of_another_length_are_refused():
    with pytest.raises(InputError, match="not those of this network"):
        with_ear(SpeakerUNet(replace(NETWORK, width=8)).state_dict(), NETWORK, 8)
    with pytest.raises(InputError, match=r"network\.spectra is 20, a window of the sound has 22"):
        SpeakerUNetRecipe(network=replace(NETWORK, ear_filters=8, spectra=20), audio=AUDIO)


def test_an_ear_tells_when_it_was_loud():
    torch.manual_seed(1)
    ear = WearerEar(6, 22, 8).eval()
    early, late = torch.zeros(1, 11, 64, 22), torch.zeros(1, 11, 64, 22)
    early[..., 4:8], late[..., 14:18] = 3.0, 3.0
    beams = early.clone()
    beams[:, 6:] = 7.0
    with torch.no_grad():
        assert not torch.allclose(ear(early), ear(late)) and torch.equal(ear(early), ear(beams))
