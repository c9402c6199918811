"""Batches of frames of glasses whose sound is made anew each time: other rooms, voices and noise, other people speak."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from avloc_ros.config import setting
from avloc_ros.datasets.glasses.batched_frame_changes import changed_pictures, changed_sound
from avloc_ros.simulation.glasses.batched_glasses import AFTER, BEFORE, GlassesSound, Moments
from avloc_ros.training.asl_unet.frames import DeviceFrames, Redrawn, masks_of
from avloc_ros.training.asl_unet.recipe import Batch, SpeakerUNetRecipe
from avloc_ros.training.asl_unet.sound import sound_features
from avloc_ros.types import InputError

HEARD = 2  # people around the wearer who speak within the same second, at most
BOTH_SPEAK = 0.15  # share of redrawn frames with a speaker where a second one speaks


@dataclass(frozen=True)
class RedrawnConfig:
    """How far frames may differ from their scene where sound is made anew."""

    mirrored: float = setting(0.5, "share of frames seen and heard the other way round", low=0.0, high=1.0)
    redrawn: float = setting(
        0.5, "share of frames where others speak than in the scene, whatever mouths do: only sound tells who", low=0.0, high=1.0
    )


class RenderedBatches:
    """Draws batches as the recipe wants them; sound and frames are on one device."""

    def __init__(
        self,
        frames: DeviceFrames,
        sound: GlassesSound,
        recipe: SpeakerUNetRecipe,
        config: RedrawnConfig | None = None,
        redrawn_boxes: Redrawn | None = None,
    ) -> None:
        self.frames, self.sound, self.recipe = frames, sound, recipe
        self.config, self.redrawn_boxes = config or RedrawnConfig(), redrawn_boxes
        self.generator, self.device = sound.generator, frames.device
        with_speaker = (frames.speaking & frames.seen).any(1)
        self.with_speaker, self.without = with_speaker.nonzero()[:, 0], (~with_speaker).nonzero()[:, 0]
        if not len(self.with_speaker):
            raise InputError("no frame to learn from: the scenes have no speaker in the picture")
        self.silent_share = _silent_share(recipe, len(self.with_speaker), len(self.without))
        self.spoken, self.quiet = frames.speaking.nonzero(), (~frames.speaking).nonzero()  # (cases, 2): frame, person
        self.offsets = torch.arange(-BEFORE, AFTER + 1, device=self.device)

    @torch.no_grad()
    def draw(self, count: int) -> Batch:
        """A batch: pictures, sound, mask, wearer, faces."""
        frames, recipe = self.frames, self.recipe
        silent = self._share(count) < self.silent_share
        chosen = torch.where(silent, self._one_of(self.without, count), self._one_of(self.with_speaker, count))
        around = frames.around(chosen, self.offsets)
        speaking, wearer = self._schedules(chosen, around)
        boxes, pictures = frames.boxes[chosen], frames.pictures_of(chosen)
        moments = Moments(frames.places_m[frames.scene[chosen]], frames.rotations[around], speaking, wearer)
        moments, heard = loudest(moments)
        speaks = heard & speaking[..., BEFORE]
        mirror = self._share(count) < self.config.mirrored
        moments, boxes, pictures = mirrored(mirror, moments, boxes, pictures)
        drawn = boxes if self.redrawn_boxes is None else self.redrawn_boxes(boxes)
        rows, cols = recipe.network.rows, recipe.network.cols
        mask, faces = (masks_of(drawn, who, rows, cols) for who in (speaks, frames.seen[chosen]))
        pictures, mask, faces = changed_pictures(recipe.changes, self.generator, pictures, mask, faces)
        context = recipe.audio.context_segments
        windows = changed_sound(recipe.changes, self.generator, self.sound.windows(moments, context, context))
        return pictures, sound_features(windows, recipe.audio), mask, wearer[:, BEFORE].long(), faces

    def _schedules(self, chosen: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
        """Who speaks when, bool (batch, people, pictures), and the wearer (batch, pictures): of the scene, or redrawn."""
        frames, count = self.frames, len(chosen)
        now, seen = frames.speaking[chosen], frames.seen[chosen]
        filmed, own = frames.speaking[around].transpose(1, 2), frames.wearer[around]
        scores = torch.rand(seen.shape, generator=self.generator, device=self.device) * seen
        ranks = scores.argsort(1, descending=True).argsort(1)
        speakers = 1 + (self._share(count) < BOTH_SPEAK)
        fresh = (now & seen).any(1, keepdim=True) & (ranks < speakers[:, None]) & seen
        patterns = torch.where(fresh[..., None], self._patterns(self.spoken, seen), self._patterns(self.quiet, seen))
        other = self._integers(len(frames.wearer), count)
        redrawn = self._share(count) < self.config.redrawn
        wearer = torch.where(redrawn[:, None], frames.wearer[frames.around(other, self.offsets)], own)
        return torch.where(redrawn[:, None, None], patterns, filmed), wearer

    def _patterns(self, cases: Tensor, like: Tensor) -> Tensor:
        """Schedules (batch, people, pictures) around random ones of (frame, person) cases."""
        frame, person = cases[self._integers(len(cases), like.numel())].unbind(1)
        around = self.frames.around(frame, self.offsets)
        return self.frames.speaking[around, person[:, None]].view(*like.shape, -1)

    def _one_of(self, numbers: Tensor, count: int) -> Tensor:
        return numbers[self._integers(max(1, len(numbers)), count)] if len(numbers) else self._one_of(self.with_speaker, count)

    def _share(self, count: int) -> Tensor:
        return torch.rand(count, generator=self.generator, device=self.device)

    def _integers(self, end: int, count: int) -> Tensor:
        return torch.randint(end, (count,), generator=self.generator, device=self.device)


def loudest(moments: Moments) -> tuple[Moments, Tensor]:
    """The HEARD people who matter, those first who speak at the moment itself; and who they are, bool (batch, people)."""
    present = (moments.places_m.abs().amax(-1) > 0).float()
    score = present * (1 + 4 * moments.speaking[..., BEFORE] + 2 * moments.speaking.any(-1)) + 1e-3 * present.cumsum(1)
    kept = score.topk(HEARD, 1).indices
    places = moments.places_m.gather(1, kept[..., None].expand(-1, -1, 3))
    speaking = moments.speaking.gather(1, kept[..., None].expand(-1, -1, moments.speaking.shape[2]))
    heard = torch.zeros_like(present, dtype=torch.bool).scatter(1, kept, True)
    return Moments(places, moments.rotations, speaking, moments.wearer), heard & (present > 0)


def mirrored(which: Tensor, moments: Moments, boxes: Tensor, pictures: Tensor) -> tuple[Moments, Tensor, Tensor]:
    """Left and right exchanged in frames `which`, bool (batch,): people, heads, boxes (batch, people, 4) and pictures."""
    left_right = 1.0 - 2.0 * (torch.arange(3, device=which.device) == 1)  # of x, y, z
    places = torch.where(which[:, None, None], moments.places_m * left_right, moments.places_m)
    turned = moments.rotations * left_right * left_right[:, None]
    rotations = torch.where(which[:, None, None, None], turned, moments.rotations)
    cols = pictures.shape[-1]
    swapped = torch.stack([cols - boxes[..., 2], boxes[..., 1], cols - boxes[..., 0], boxes[..., 3]], -1)
    swapped = torch.where((boxes[..., 2:3] > boxes[..., :1]), swapped, boxes)
    return (
        Moments(places, rotations, moments.speaking, moments.wearer),
        torch.where(which[:, None, None], swapped, boxes),
        torch.where(which[:, None, None, None, None], pictures.flip(-1), pictures),
    )


def _silent_share(recipe: SpeakerUNetRecipe, with_speaker: int, without: int) -> float:
    """Of frames without a speaker among all, as datasets.glasses.recording.chosen_frames has it."""
    if recipe.speakers_only:
        return 0.0
    kept = without if recipe.silent_per_speaker < 0 else min(without, round(recipe.silent_per_speaker * with_speaker))
    return kept / (kept + with_speaker)
