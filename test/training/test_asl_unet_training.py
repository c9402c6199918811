"""asl_unet learns a toy by heart: who speaks is told by the louder side, where the faces are by the picture."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning", reason="training runs on lightning")

import torch

from avloc_ros.config import from_mapping
from avloc_ros.datasets.glasses.frame_changes import FrameChangesConfig
from avloc_ros.datasets.glasses.recording import EgocentricRecording, chosen_frames
from avloc_ros.datasets.glasses.speaker_frames import SpeakerFrames, network_pictures
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.features.inputs.asl_unet_picture import PictureScaleConfig
from avloc_ros.losses.segmentation import SegmentationLossConfig
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerAnswer, SpeakerUNet
from avloc_ros.sources.person_boxes import PersonBox, speaker_mask
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe, answer_loss
from avloc_ros.training.asl_unet.start import start_from
from avloc_ros.training.asl_unet.training import train
from avloc_ros.types import InputError

ROWS, COLS = 24, 40
NETWORK = SpeakerUNetConfig(
    rows=ROWS, cols=COLS, colours=1, context_frames=0, width=8, levels=2, audio_width=8, audio_channels=2
)
AUDIO = SegmentAudioConfig(microphones=2, context_segments=1, fft_length=128, hop_length=64, full_scale=False)
RECIPE = SpeakerUNetRecipe(
    network=NETWORK,
    audio=AUDIO,
    loss=SegmentationLossConfig("bce_dice", positive_weight=3.0),
    learning_rate=5e-3,
    mini_epoch_steps=20,
    mini_epochs=5,
)


pytestmark = pytest.mark.usefixtures("one_thread")


def toy(seed, frames=40):
    """Two faces, left and right, at heights that change; whoever speaks is louder in the microphone of his side."""
    rng = np.random.default_rng(seed)
    images, boxes = np.full((frames, ROWS, COLS, 3), 40, np.uint8), []
    sound = rng.normal(0, 0.002, (frames, 800, 2))
    wearer = rng.random(frames) < 0.3
    for frame in range(frames):
        speaker = rng.integers(3)  # left, right, nobody
        people = []
        for side in range(2):
            left, top = 4 + 20 * side + int(rng.integers(6)), int(rng.integers(2, 12))
            images[frame, top : top + 8, left : left + 6] = 220
            people.append(PersonBox(str(side), left, top, left + 6, top + 8, bool(speaker == side)))
        if speaker < 2:
            sound[frame, :, speaker] += rng.normal(0, 0.05, 800)
        if wearer[frame]:
            sound[frame] += rng.normal(0, 0.5, 800)[:, None] * np.array([1.0, 1.0])
        boxes.append(tuple(people))
    return EgocentricRecording(
        f"toy{seed}", sound.reshape(-1, 2).astype(np.float32), 16000, 20.0, images, (COLS, ROWS), tuple(boxes), wearer
    )


def test_masks_and_wearer_are_learned_by_heart(tmp_path):
    recordings = [toy(0)]
    train(RECIPE, tmp_path, training=recordings, validation=recordings, test=recordings, seed=0)
    record = json.loads((tmp_path / "training.json").read_text())
    steps = [point["step"] for point in record["course"]]
    assert steps == [20, 40, 60, 80, 100]  # a validation after every mini-epoch, whatever an epoch is
    assert record["test"]["mask"]["iou"] > 0.55 > (record["course"][0]["mask"]["iou"] or 0.0)
    assert record["test"]["wearer"]["accuracy"] > 0.85
    network = SpeakerUNet(NETWORK)
    network.load_state_dict(torch.load(tmp_path / "asl_unet.pt", weights_only=True))


def test_training_stops_when_patience_is_over(tmp_path):
    recipe = replace(RECIPE, learning_rate=1e-7, patience=2, mini_epochs=50, mini_epoch_steps=1, task="wearer")
    recordings = [toy(1, frames=16)]
    train(recipe, tmp_path, training=recordings, validation=recordings, seed=0)
    losses = [point["loss"] for point in json.loads((tmp_path / "training.json").read_text())["course"]]
    assert 3 <= len(losses) < 50 and min(losses[-2:]) >= min(losses[:-2])


def test_frames_are_chosen_as_asked_for():
    recordings = [toy(2), toy(3)]
    rng = np.random.default_rng(0)
    with_speaker = {(n, f) for n, r in enumerate(recordings) for f in range(r.frames) if r.mask(f).any()}
    everything = chosen_frames(recordings, speakers_only=False, silent_per_speaker=-1, rng=rng)
    assert len(everything) == 80 and everything != sorted(everything)
    only = chosen_frames(recordings, speakers_only=True, silent_per_speaker=1.0, rng=rng)
    assert set(only) == with_speaker
    fewer = chosen_frames(recordings, speakers_only=False, silent_per_speaker=0.25, rng=rng)
    assert len(set(fewer) - with_speaker) == round(0.25 * len(with_speaker)) and with_speaker <= set(fewer)


def test_masks_have_rows_of_y_and_columns_of_x():
    mask = speaker_mask([PersonBox("a", 30, 2, 36, 5, True), PersonBox("b", 0, 0, 9, 9, False)], 24, 40)
    assert mask.sum() == 6 * 3 and mask[2:5, 30:36].all()
    assert speaker_mask([PersonBox("a", -5, -5, 400, 400, True)], 24, 40).all()


def test_pictures_are_scaled_stacked_and_held_at_the_ends():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((5, ROWS, COLS, 3), np.uint8)
    images[..., 0] = 200  # blue
    network = replace(NETWORK, colours=3, context_frames=1)
    found = network_pictures(images, 0, network, PictureScaleConfig(mean=0.5, deviation=0.25))
    assert found.shape == (3, 3, ROWS, COLS)
    assert found[:, 0, 0, 0] == pytest.approx((np.array([0, 0, 1]) / 255 - 0.5) / 0.25)  # red first
    assert found[0, 2, 0, 0] == pytest.approx((200 / 255 - 0.5) / 0.25)
    past = network_pictures(images, 3, replace(network, past_only=True), PictureScaleConfig(mean=0.0, deviation=1.0))
    assert past[:, 0, 0, 0] * 255 == pytest.approx([2, 3])


def test_the_helps_of_learning_are_what_their_formulas_say():
    recipe = replace(RECIPE, network=replace(NETWORK, faces=True, audio_channels=2), task="mask", plane_weight=2.0)
    recipe = replace(recipe, loss=SegmentationLossConfig("dice", positive_weight=3.0), faces_weight=0.5)
    torch.manual_seed(0)
    mask = torch.zeros(1, ROWS, COLS)
    mask[0, 2:6, 30:36] = 1
    faces = mask.clone()
    faces[0, 10:14, 3:9] = 1
    found = SpeakerAnswer(torch.randn(1, ROWS, COLS), torch.randn(1, 2), torch.randn(1, ROWS, COLS), (torch.randn(1, 2, 4),))
    where = torch.zeros(2, 4)
    where[0, 3] = 1  # rows 0..11, columns 30..39
    plane, other = torch.sigmoid(found.planes[0][0]), torch.sigmoid(found.faces)
    planes = -(where * plane.log() + (1 - where) * (1 - plane).log()).mean()
    all_faces = -(3.0 * faces * other.log() + (1 - faces) * (1 - other).log()).mean()
    batch = torch.zeros(0), torch.zeros(0), mask, torch.zeros(1, dtype=torch.long), faces
    plain = answer_loss(found._replace(faces=None, planes=()), batch, recipe)
    expected = plain + 0.5 * all_faces + 2.0 * planes
    assert answer_loss(found, batch, recipe) == pytest.approx(float(expected), rel=1e-5)


def changed(**changes):
    torch.manual_seed(3)
    return SpeakerFrames([toy(0)], [(0, 3)], NETWORK, AUDIO, changes=FrameChangesConfig(**changes))[0]


def test_light_changes_brightness_and_contrast_alone():
    plain, lit = changed(), changed(light=0.3)
    contrast, brightness = np.polyfit(plain[0].ravel(), lit[0].ravel(), 1)
    assert lit[0].numpy() == pytest.approx(plain[0].numpy() * contrast + brightness, abs=1e-5)
    assert 0.7 <= contrast <= 1.3 and abs(brightness) <= 0.3 and contrast != 1
    assert all(torch.equal(a, b) for a, b in zip(plain[1:], lit[1:], strict=True))


def test_pictures_and_masks_move_down_together():
    plain, moved = changed(), changed(vertical=0.3)
    rows = next(r for r in range(-7, 8) if torch.equal(moved[4], torch.roll(plain[4], r, 0)))  # faces lie away from the edge
    assert rows != 0 and torch.equal(moved[2], torch.roll(plain[2], rows, 0))
    kept = slice(max(0, rows), ROWS + min(0, rows))
    assert torch.equal(moved[0][..., kept, :], torch.roll(plain[0], rows, -2)[..., kept, :])
    assert torch.equal(moved[1], plain[1])


def test_what_hides_a_picture_is_one_rectangle_of_one_grey():
    plain, hidden = changed(), changed(erased=1.0)
    different = (plain[0] != hidden[0])[0, 0]
    rows, cols = (different.any(dim=axis).nonzero().ravel() for axis in (1, 0))
    inside = hidden[0][0, 0, rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    assert inside.numel() and (inside == inside[0, 0]).all() and torch.equal(plain[2], hidden[2])


def test_microphones_get_gains_of_their_own():
    window = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    torch.manual_seed(0)
    gains_db = np.array(
        [20 * np.log10(np.linalg.norm(FrameChangesConfig(gain_db=2.0).sound(window), axis=0) / np.linalg.norm(window, axis=0))
         for _ in range(400)]
    )  # fmt: skip
    assert gains_db.std(axis=0) == pytest.approx(np.full(6, 2.0), rel=0.15) and abs(np.corrcoef(gains_db.T)[0, 1]) < 0.15
    assert FrameChangesConfig().sound(window) is window


def test_faces_are_those_who_speak_and_those_who_do_not():
    recording = toy(4)
    frame = next(f for f in range(recording.frames) if recording.has_speaker(f))
    _, _, mask, _, faces = SpeakerFrames([recording], [(0, frame)], NETWORK, AUDIO)[0]
    assert mask.sum() == 48 and faces.sum() == 96 and (faces >= mask).all()


def test_a_coarse_network_starts_a_finer_one_that_answers_alike(tmp_path):
    """On pictures of squares of 2 x 2 equal pixels the finer one says of four pixels what the coarse one says of one."""
    torch.manual_seed(0)
    coarse = SpeakerUNet(replace(NETWORK, patch=2, faces=True, context_frames=1, past_only=True)).eval()
    finer = SpeakerUNet(replace(coarse.config, rows=2 * ROWS, cols=2 * COLS, patch=4, time_maps=2, context_frames=2)).eval()
    torch.save(coarse.state_dict(), tmp_path / "asl_unet.pt")
    start_from(finer, tmp_path / "asl_unet.pt")
    picture, sound = torch.randn(2, 1, 1, ROWS, COLS), torch.randn(2, *AUDIO.shape)
    large = picture.repeat_interleave(2, 3).repeat_interleave(2, 4)
    expected = coarse.answer(picture.expand(-1, 2, -1, -1, -1), sound)
    found = finer.answer(large.expand(-1, 3, -1, -1, -1), sound)
    assert torch.allclose(found.mask[:, ::2, 1::2], expected.mask, atol=1e-4)
    assert torch.allclose(found.faces[:, 1::2, ::2], expected.faces, atol=1e-4)
    assert torch.allclose(found.wearer, expected.wearer, atol=1e-5)
    torch.save(finer.state_dict(), tmp_path / "same.pt")
    start_from(SpeakerUNet(finer.config), tmp_path / "same.pt")
    with pytest.raises(InputError, match="do not fit"):
        start_from(SpeakerUNet(replace(finer.config, width=12)), tmp_path / "same.pt")
    with pytest.raises(InputError, match="no weights at"):
        start_from(finer, tmp_path / "none.pt")


def test_recordings_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="read it at that size"):
        SpeakerFrames([toy(0)], [(0, 0)], replace(NETWORK, rows=48), AUDIO)
    with pytest.raises(InputError, match="microphones"):
        SpeakerFrames([toy(0)], [(0, 0)], NETWORK, replace(AUDIO, microphones=6))
    with pytest.raises(InputError, match="audio_channels"):
        SpeakerUNetRecipe(network=NETWORK, audio=replace(AUDIO, phase=True))
    with pytest.raises(InputError, match="the sound has 0 beams"):
        SpeakerUNetRecipe(network=replace(NETWORK, beams=2), audio=AUDIO)
    with pytest.raises(InputError, match="did you mean 'speakers_only'"):
        from_mapping(SpeakerUNetRecipe, {"speaker_only": True})
