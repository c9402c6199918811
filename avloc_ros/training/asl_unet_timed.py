"""Training asl_unet on rendered batches within a limit of time: everything stays on one device, the best weights on disk."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.glasses_pack import GlassesFrames
from avloc_ros.evaluation.mask_scores import STEPS, ProbabilityCounts
from avloc_ros.models.asl_unet import SpeakerUNet
from avloc_ros.training.asl_unet_frames import DeviceFrames, Redrawn, masks_of, windows_of
from avloc_ros.training.asl_unet_recipe import Batch, SpeakerUNetRecipe, answer, answer_loss
from avloc_ros.training.asl_unet_rendered import RenderedBatches
from avloc_ros.training.asl_unet_scores import SpeakerUNetScore
from avloc_ros.training.asl_unet_sound import sound_features
from avloc_ros.training.asl_unet_start import start_from

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
    kept = copy.deepcopy(network)
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=device.type == "cuda"
    )
    watch = _Watch(kept, validation, config, out, seed, say)
    step, share = 0, 0.0
    while share < 1:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate_share(share, config.rising)
        network.train()
        if step and step % config.new_restaurants == 0:
            batches.sound.noise = batches.sound.restaurants()
        batch = batches.draw(recipe.batch_size)
        optimizer.zero_grad(set_to_none=True)
        loss = answer_loss(answer(network, batch, recipe), batch, recipe)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
        optimizer.step()
        step += 1
        _follow(kept, network, min(config.average, step / (step + 10)))
        share = watch.share_after(step)
        watch.look(step, loss, last=share >= 1)
    kept.load_state_dict(watch.best_weights)
    return kept.cpu().eval()


def rate_share(share: float, rising: float) -> float:
    """The learning rate's share of its largest: up along a line, down along a cosine."""
    if share < rising:
        return max(0.02, share / rising)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - rising) / (1 - rising))))


class _Watch:
    """Looks at a run now and then: says how it goes, validates, keeps the best."""

    def __init__(
        self,
        kept: SpeakerUNet,
        validation: RecordedFrames,
        config: TimedRunConfig,
        out: Path,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self.kept, self.validation, self.config, self.out, self.seed, self.say = kept, validation, config, out, seed, say
        self.begin = self.said = self.validated = time.perf_counter()
        self.best_iou, self.best_weights = -1.0, copy.deepcopy(kept.state_dict())
        self.course: list[dict[str, Any]] = []

    def share_after(self, step: int) -> float:
        """Of the run that is over."""
        of_time = (time.perf_counter() - self.begin) / (60 * self.config.most_minutes)
        return max(of_time, step / self.config.most_steps) if self.config.most_steps else of_time

    def look(self, step: int, loss: Tensor, *, last: bool) -> None:
        """Say and validate where it is time."""
        now = time.perf_counter()
        if last or now - self.validated >= self.config.validate_s:
            self._validate(step, now - self.begin)
            self.validated = time.perf_counter()
        elif now - self.said >= self.config.say_s:
            self.say(f"{now - self.begin:5.0f} s, step {step}: loss {float(loss.detach()):.3f}")
            self.said = now

    def _validate(self, step: int, seconds: float) -> None:
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
            _replace(self.out / "asl_unet.pt", self.best_weights)
        best = max(self.course, key=lambda row: row["mask"]["iou"] or 0.0)
        record = {
            "recipe": to_mapping(self.validation.recipe),
            "run": to_mapping(self.config),
            "seed": self.seed,
            "device": _name_of(self.validation.chosen.device),
            "course": self.course,
            "thresholds": best["thresholds"],
            "validation": {name: best[name] for name in ("step", "loss", "mask", "wearer")},
        }
        (self.out / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _replace(path: Path, weights: dict[str, Tensor]) -> None:
    """Never half a file, whenever the run is stopped."""
    part = path.with_name(path.name + ".part")
    torch.save({name: value.cpu() for name, value in weights.items()}, part)
    part.replace(path)


@torch.no_grad()
def _follow(kept: SpeakerUNet, network: SpeakerUNet, average: float) -> None:
    """Move the running means a little; counts of batches are taken over."""
    mine, theirs = kept.state_dict(), network.state_dict()
    floats = [name for name, value in mine.items() if value.is_floating_point()]
    torch._foreach_lerp_([mine[name] for name in floats], [theirs[name] for name in floats], 1 - average)


def _counts(probability: Tensor, true: Tensor) -> Tensor:
    """Cases by probability: of the true and the untrue ones (2, STEPS)."""
    step = (probability.flatten() * STEPS).long().clamp(0, STEPS - 1)
    return torch.stack([torch.bincount(step[kind], minlength=STEPS) for kind in (true.flatten(), ~true.flatten())])
