"""Does a label raster with x and y swapped explain a segmentation whose recall collapses? A small drawn experiment.

usage: python benchmarks/transposed_labels.py [--frames 400] [--steps 160] [--seed 0] [--out FILE.json]

The code behind the report that asl_unet follows uses a face's x as the row of its mask, and shifts x by 200 of 640
pixels. Here the same network is trained twice, from the same start, on the same drawn pictures and sounds: once with right
masks, once with masks made in that way. Faces are bright squares anywhere; of two, one at most speaks, and the
microphone of his side is the louder one. Scores are on held-out frames: against right masks, and against masks of the
kind that was trained on (what the report's authors could see). Loss: plain BCE, as in the report. Half a minute on one core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from avloc_ros.datasets.glasses.recording import EgocentricRecording
from avloc_ros.datasets.glasses.speaker_frames import SpeakerFrames
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.losses.segmentation import SegmentationLossConfig
from avloc_ros.models.asl_unet.network import SpeakerUNetConfig
from avloc_ros.sources.person_boxes import PersonBox
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.asl_unet.scores import score_frames
from avloc_ros.training.asl_unet.training import train

ROWS, COLS, SHIFT_PX = 18, 32, 10  # a twentieth of 360 x 640 and of 200
FACE_PX = 5
AUDIO = SegmentAudioConfig(microphones=2, context_segments=1, fft_length=128, hop_length=64, full_scale=False)
NETWORK = SpeakerUNetConfig(
    rows=ROWS, cols=COLS, colours=1, context_frames=0, width=8, levels=2, audio_width=8, audio_channels=2
)


@dataclass(frozen=True)
class TransposedRecording(EgocentricRecording):
    """The same recording with the report's masks."""

    def raster(self, boxes: Sequence[PersonBox]) -> np.ndarray:
        """x - shift as the row, y as the column; what falls outside is lost."""
        mask = np.zeros((ROWS, COLS), np.uint8)
        for box in boxes:
            first, last = (int(max(0, x - SHIFT_PX)) for x in (box.left, box.right))
            mask[first:last, int(box.top) : int(box.bottom)] = 1
        return mask


def drawn(kind: type[EgocentricRecording], frames: int, seed: int) -> EgocentricRecording:
    """Pictures, sounds and boxes of a seed, as a recording with one kind of masks."""
    rng = np.random.default_rng(seed)
    images = rng.integers(20, 60, (frames, ROWS, COLS, 3)).astype(np.uint8)
    sound = rng.normal(0, 0.002, (frames, AUDIO.segment_samples, 2))
    boxes = []
    for frame in range(frames):
        speaker, people = int(rng.integers(3)), []
        for side in range(2):
            left = int(rng.integers(0, COLS // 2 - FACE_PX)) + side * COLS // 2
            top = int(rng.integers(0, ROWS - FACE_PX))
            images[frame, top : top + FACE_PX, left : left + FACE_PX] = 210
            people.append(
                PersonBox(str(side), left, top, left + FACE_PX, top + FACE_PX, speaking=speaker == side)
            )
        if speaker < 2:
            sound[frame, :, speaker] += rng.normal(0, 0.05, AUDIO.segment_samples)
        boxes.append(tuple(people))
    return kind(
        kind.__name__,
        sound.reshape(-1, 2).astype(np.float32),
        AUDIO.sample_rate_hz,
        20.0,
        images,
        (COLS, ROWS),
        tuple(boxes),
        np.zeros(frames, bool),
    )


def run(kind: type[EgocentricRecording], options: argparse.Namespace) -> dict[str, dict]:
    """Train on one kind of masks; the scores against right masks and against masks of that kind."""
    recipe = SpeakerUNetRecipe(
        network=NETWORK,
        audio=AUDIO,
        loss=SegmentationLossConfig("bce", positive_weight=1.0),
        task="mask",
        silent_per_speaker=-1.0,
        learning_rate=1e-2,
        mini_epoch_steps=max(1, options.steps // 4),
        mini_epochs=4,
        validation_frames=60,
    )
    with tempfile.TemporaryDirectory() as folder:
        network = train(
            recipe,
            Path(folder),
            training=[drawn(kind, options.frames, options.seed)],
            validation=[drawn(kind, 60, options.seed + 1)],
            seed=options.seed,
        )
    scores = {}
    for name, masks in (("right_masks", EgocentricRecording), ("masks_as_trained", kind)):
        held_out = drawn(masks, 150, options.seed + 2)
        frames = SpeakerFrames([held_out], [(0, k) for k in range(held_out.frames)], NETWORK, AUDIO)
        scores[name] = score_frames(network, frames, recipe).masks(0.5).to_mapping()
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = {}
    print(f"{'trained on':<12}{'scored against':<18}{'accuracy':>9}{'recall':>8}{'precision':>11}{'IoU':>7}", flush=True)
    for trained, kind in (("right", EgocentricRecording), ("transposed", TransposedRecording)):
        report[trained] = run(kind, options)
        for against, score in report[trained].items():
            cells = [score[key] or 0.0 for key in ("accuracy", "recall", "precision", "iou")]
            print(f"{trained:<12}{against:<18}" + "{:>9.3f}{:>8.3f}{:>11.3f}{:>7.3f}".format(*cells), flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
