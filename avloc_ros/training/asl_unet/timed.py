"""Training asl_unet on rendered batches within a limit of time: everything stays on one device, the best weights on disk."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.glasses.pack import GlassesFrames
from avloc_ros.evaluation.metrics.mask_scores import STEPS, ProbabilityCounts
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.training.asl_unet.frames import DeviceFrames, Redrawn, masks_of, windows_of
from avloc_ros.training.asl_unet.recipe import Batch, SpeakerUNetRecipe, answer, answer_loss
from avloc_ros.training.asl_unet.rendered import RenderedBatches
from avloc_ros.training.asl_unet.scores import SpeakerUNetScore
from avloc_ros.training.asl_unet.sound import sound_features
from avloc_ros.training.asl_unet.start import start_from
from avloc_ros.training.limited_time import Clock, RunningMean, descend, device_name, rate_share, save_whole

SCORED_AT_ONCE = 64
LARGEST_GRADIENT = 5.0


@dataclass(frozen=True)
class TimedRunConfig:
    """How long a run takes, and how often it looks at itself. The learning rate rises, then falls with the share of time."""

    most_minutes: float = setting(8.0, "of the wall clock", low=0.01)
    most_steps: int = setting(0, "steps at most; 0: as many as there is time for", low=0)
    validate_s: float = setting(40.0, "seconds between two validations", low=1.0)
    say_s: float = setting(10.0, "seconds between two lines of progress", low=0.5)
    rising: float = setting(0.03, "share of the run in which the learning rate rises", low=0.0, high=0.5)
    average: float = setting(
        0.998, "the weights that are kept are running means over steps: what stays of them in each", low=0.0, high=0.9999
    )
    new_restaurants: int = setting(150, "steps until the noise is made anew", low=1)


class RecordedFrames:
    """Frames of packed scenes with the sound they were recorded with, to score on."""

    def __init__(
        self,
        frames: GlassesFrames,
        recipe: SpeakerUNetRecipe,
        device: torch.device,
        *,
        every: int = 1,
        redrawn_boxes: Redrawn | None = None,
    ) -> None:
        self.recipe, self.redrawn_boxes = recipe, redrawn_boxes
        self.frames = DeviceFrames(frames, recipe.network, recipe.picture, device)
        chosen = np.arange(0, len(frames), every)
        self.chosen = torch.from_numpy(chosen).to(device)
        self.windows = torch.from_numpy(windows_of(frames, chosen, recipe.audio)).to(device)

    def __len__(self) -> int:
        return len(self.chosen)

    def batches(self) -> Iterator[Batch]:
        """All of them, some at a time."""
        frames, recipe = self.frames, self.recipe
        rows, cols = recipe.network.rows, recipe.network.cols
        for chosen, windows in zip(self.chosen.split(SCORED_AT_ONCE), self.windows.split(SCORED_AT_ONCE), strict=True):
            boxes = frames.boxes[chosen]
            boxes = boxes if self.redrawn_boxes is None else self.redrawn_boxes(boxes)
            mask = masks_of(boxes, frames.speaking[chosen], rows, cols)
            faces = masks_of(boxes, torch.ones_like(frames.speaking[chosen]), rows, cols)
            sound = sound_features(windows, recipe.audio)
            yield frames.pictures_of(chosen), sound, mask, frames.wearer[chosen].long(), faces


@torch.no_grad()
def score_recorded(network: SpeakerUNet, recorded: RecordedFrames) -> SpeakerUNetScore:
    """Loss per frame and counts over all frames, counted on the device."""
    network.eval()
    losses, counts = 0.0, [torch.zeros(2, STEPS, dtype=torch.long, device=recorded.chosen.device) for _ in range(2)]
    for batch in recorded.batches():
        found = answer(network, batch, recorded.recipe)
        losses += float(answer_loss(found, batch, recorded.recipe)) * len(batch[2])
        counts[0] += _counts(torch.sigmoid(found.mask), batch[2] > 0)
        counts[1] += _counts(torch.softmax(found.wearer, 1)[:, 1], batch[3] == 1)
    pixels, wearer = (ProbabilityCounts(*count.cpu().numpy()) for count in counts)
    return SpeakerUNetScore(losses / max(1, len(recorded)), pixels, wearer)


def train_timed(
    batches: RenderedBatches,
    validation: RecordedFrames,
    config: TimedRunConfig,
    out: Path,
    *,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> SpeakerUNet:
    """Train, and keep asl_unet.pt and training.json of the best validated mask (IoU at its best threshold) in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    recipe, device = batches.recipe, batches.device
    torch.manual_seed(seed)
    network = SpeakerUNet(recipe.network)
    if recipe.start:
        start_from(network, Path(recipe.start))
    network = network.to(device)
    averaged = RunningMean(network, config.average)
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=device.type == "cuda"
    )
    clock = Clock(60 * config.most_minutes, config.most_steps)
    watch = _Watch(averaged.mean, validation, config, clock, out, seed, say)
    while clock.share < 1:
        network.train()
        if clock.step and clock.step % config.new_restaurants == 0:
            batches.sound.noise = batches.sound.restaurants()
        batch = batches.draw(recipe.batch_size)
        loss = answer_loss(answer(network, batch, recipe), batch, recipe)
        descend(optimizer, loss, recipe.learning_rate * rate_share(clock.share, config.rising), LARGEST_GRADIENT)
        averaged.update(network)
        clock.step += 1
        watch.look(loss)
    watch.validate()
    averaged.mean.load_state_dict(watch.best_weights)
    return averaged.mean.cpu().eval()


class _Watch:
    """Looks at a run now and then: says how it goes, validates, keeps the best."""

    def __init__(
        self,
        kept: SpeakerUNet,
        validation: RecordedFrames,
        config: TimedRunConfig,
        clock: Clock,
        out: Path,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self.kept, self.validation, self.config, self.clock = kept, validation, config, clock
        self.out, self.seed, self.say = out, seed, say
        self.best_iou, self.best_weights = -1.0, copy.deepcopy(kept.state_dict())
        self.course: list[dict[str, Any]] = []

    def look(self, loss: Tensor) -> None:
        """Say and validate where it is time."""
        if self.clock.is_due("validation", self.config.validate_s):
            self.validate()
            self.clock.done("validation")
        elif self.clock.is_due("line", self.config.say_s):
            self.say(f"{self.clock.seconds:5.0f} s, step {self.clock.step}: loss {float(loss.detach()):.3f}")

    def validate(self) -> None:
        """Score what is kept, write down how the run goes, keep the weights where they are the best so far."""
        seconds, step = self.clock.seconds, self.clock.step
        score = score_recorded(self.kept, self.validation)
        thresholds = score.best_thresholds()
        found = score.to_mapping(thresholds)
        iou = found["mask"]["iou"] or 0.0
        self.course.append({"step": step, "seconds": round(seconds, 1), "thresholds": asdict(thresholds), **found})
        mask, wearer = found["mask"], found["wearer"]
        self.say(
            f"{seconds:5.0f} s, step {step}: validation IoU {iou:.3f} recall {mask['recall'] or 0:.3f} precision "
            f"{mask['precision'] or 0:.3f} above {thresholds.mask:.3f}, wearer F1 {wearer['f1'] or 0:.3f}, loss {score.loss:.3f}"
        )
        if iou > self.best_iou:
            self.best_iou, self.best_weights = iou, copy.deepcopy(self.kept.state_dict())
            save_whole(self.best_weights, self.out / "asl_unet.pt")
        best = max(self.course, key=lambda row: row["mask"]["iou"] or 0.0)
        record = {
            "recipe": to_mapping(self.validation.recipe),
            "run": to_mapping(self.config),
            "seed": self.seed,
            "device": device_name(self.validation.chosen.device),
            "course": self.course,
            "thresholds": best["thresholds"],
            "validation": {name: best[name] for name in ("step", "loss", "mask", "wearer")},
        }
        (self.out / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _counts(probability: Tensor, true: Tensor) -> Tensor:
    """Cases by probability: of the true and the untrue ones (2, STEPS)."""
    step = (probability.flatten() * STEPS).long().clamp(0, STEPS - 1)
    return torch.stack([torch.bincount(step[kind], minlength=STEPS) for kind in (true.flatten(), ~true.flatten())])
