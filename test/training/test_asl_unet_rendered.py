"""Rendered batches of glasses: boxes become masks, sound comes from who speaks, and training ends in time."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.datasets.glasses.batched_frame_changes import changed_pictures  # noqa: E402
from avloc_ros.datasets.glasses.frame_changes import FrameChangesConfig  # noqa: E402
from avloc_ros.datasets.glasses.pack import GlassesFrames  # noqa: E402
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig, window_around  # noqa: E402
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig  # noqa: E402
from avloc_ros.simulation.glasses.batched_glasses import AFTER, BEFORE, GlassesSound, RenderedSoundConfig  # noqa: E402
from avloc_ros.simulation.glasses.scene import glasses_array  # noqa: E402
from avloc_ros.simulation.sound.voice_bank import VoiceBank  # noqa: E402
from avloc_ros.sources.person_boxes import PersonBox, box_mask  # noqa: E402
from avloc_ros.training.asl_unet.frames import DeviceFrames, masks_of, windows_of  # noqa: E402
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe  # noqa: E402
from avloc_ros.training.asl_unet.rendered import RedrawnConfig, RenderedBatches  # noqa: E402
from avloc_ros.training.asl_unet.timed import (  # noqa: E402
    RecordedFrames,
    TimedRunConfig,
    score_recorded,
    train_timed,
)

FRAMES, ROWS, COLS = 20, 32, 64
CPU = torch.device("cpu")
AUDIO = SegmentAudioConfig(bands=32, beams=24)
RECIPE = SpeakerUNetRecipe(
    network=SpeakerUNetConfig(
        rows=ROWS, cols=COLS, colours=1, context_frames=1, past_only=True, width=4, levels=2, audio_channels=30,
        beams=24, audio_width=4, faces=True,
    ),
    audio=AUDIO,
    batch_size=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> GlassesFrames:
    """One scene: somebody on the left, who speaks, and somebody on the right, who does not."""
    rng = np.random.default_rng(0)
    boxes = np.zeros((FRAMES, 5, 4), np.float32)
    boxes[:, 0], boxes[:, 1] = [8, 8, 16, 20], [44, 9, 52, 19]
    places = np.zeros((1, 5, 3), np.float32)
    places[0, :2] = [[1.2, 0.9, 0.0], [1.2, -0.9, 0.0]]
    speaking = np.zeros((FRAMES, 5), bool)
    speaking[:, 0] = True
    pictures = rng.integers(0, 255, (FRAMES, ROWS, COLS, 3), np.uint8)
    sound = rng.integers(-999, 999, (1, FRAMES * 800, 6)).astype(np.int16)
    turns = np.broadcast_to(np.eye(3, dtype=np.float32), (FRAMES, 3, 3))
    return GlassesFrames(
        pictures, boxes, speaking, np.zeros(FRAMES, bool), places, turns, np.zeros(FRAMES, int), sound
    )


def batches_of(frames: GlassesFrames, config: RedrawnConfig, **sound) -> RenderedBatches:
    generator = torch.Generator().manual_seed(5)
    noise = torch.randn(16_000 * 5, generator=generator)
    voices = VoiceBank(noise, torch.arange(60_000))
    settings = RenderedSoundConfig(restaurants=1, restaurant_s=1.0, tables=1, reflections=2, **sound)
    rendered = GlassesSound(settings, voices, glasses_array().positions_m, generator)
    return RenderedBatches(DeviceFrames(frames, RECIPE.network, RECIPE.picture, CPU), rendered, RECIPE, config)


@pytest.mark.parametrize("mirrored", [0.0, 1.0])
def test_the_loudest_beam_points_at_the_marked_face(frames, mirrored):
    config = RedrawnConfig(mirrored=mirrored, redrawn=0.5)
    _, sound, mask, _, faces = batches_of(frames, config, lowest_snr_db=20.0).draw(12)
    alone = (faces - mask).sum((1, 2)) > 0  # where not both speak
    heard = sound[alone][:, -24:].mean((2, 3)).argmax(1) < 12  # the first beams look left
    left = mask[alone][..., : COLS // 2].sum((1, 2)) > 0
    assert int(alone.sum()) >= 8 and torch.equal(heard, left)
    assert torch.equal(left, mask[alone][..., COLS // 2 :].sum((1, 2)) == 0)
    if mirrored == 0:
        assert 0 < int(heard.sum()) < len(heard)  # redrawn: sometimes the one on the right speaks


def test_masks_are_those_of_single_frames():
    boxes = np.array([[[1.5, 2.4, 7.6, 9.0], [3.0, 5.0, 60.0, 40.0], [0, 0, 0, 0]]], np.float32)
    people = [PersonBox("", *map(float, box), True) for box in boxes[0]]
    found = masks_of(torch.from_numpy(boxes), torch.tensor([[True, True, True]]), ROWS, COLS)[0]
    np.testing.assert_array_equal(found.numpy(), box_mask(people, ROWS, COLS))
    assert not masks_of(torch.from_numpy(boxes), torch.zeros(1, 3, dtype=torch.bool), ROWS, COLS).any()


def test_recorded_windows_are_those_around_each_frame(frames):
    chosen = np.array([0, 7, FRAMES - 1])
    found = windows_of(frames, chosen, AUDIO)
    wanted = [window_around(frames.samples[0].astype(np.float32) / 32_767, frame, AUDIO) for frame in chosen]
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-6)


def test_changes_move_pictures_and_masks_alike():
    pictures = torch.zeros(6, 2, 1, ROWS, COLS)
    pictures[..., 10, :] = 1.0
    generator = torch.Generator().manual_seed(2)
    moved, mask = changed_pictures(FrameChangesConfig(vertical=0.2), generator, pictures, pictures[:, 0, 0])
    assert torch.equal(moved[:, 1, 0], mask)
    assert len({int(rows) for rows in mask[:, :, 0].argmax(1)}) > 2
    erased, kept = changed_pictures(FrameChangesConfig(erased=1.0), generator, pictures + 9, pictures[:, 0, 0])
    hidden = (erased != pictures + 9).float().mean((1, 2, 3, 4))
    assert bool((hidden > 0).all() and (hidden < 0.1).all()) and torch.equal(kept, pictures[:, 0, 0])


def test_speech_is_heard_while_the_schedule_says_so():
    bank = VoiceBank(torch.ones(50_000), torch.arange(1000))
    speaking = torch.zeros(2, BEFORE + AFTER + 1, dtype=torch.bool)
    speaking[0, 4:7] = True
    heard = bank.speech(speaking, torch.Generator()).view(2, -1, 800)
    assert bool((heard[0, 4:7].mean(1) > 0.9).all()) and float(heard[1].abs().max()) == 0
    assert float(heard[0, :3].abs().max()) == 0 == float(heard[0, 8:].abs().max())


def test_training_ends_in_time_and_keeps_its_best(frames, tmp_path):
    batches = batches_of(frames, RedrawnConfig())
    validation = RecordedFrames(frames, RECIPE, CPU, every=4)
    run = TimedRunConfig(most_minutes=0.05, most_steps=4, validate_s=1.0, say_s=0.5)
    lines: list[str] = []
    begin = time.perf_counter()
    network = train_timed(batches, validation, run, tmp_path, seed=1, say=lines.append)
    assert time.perf_counter() - begin < 30 and "validation IoU" in lines[-1]
    record = json.loads((tmp_path / "training.json").read_text())
    best = max(row["mask"]["iou"] for row in record["course"])
    kept = torch.load(tmp_path / "asl_unet.pt")
    for name, value in network.state_dict().items():
        assert torch.equal(kept[name], value)
    score = score_recorded(network, validation)
    assert score.masks(score.best_thresholds().mask).iou == pytest.approx(best)
    pixels = score.masks(0.0)
    assert pixels.true_positives + pixels.false_positives == len(validation) * ROWS * COLS
