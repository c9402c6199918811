"""Training of the any-array tracker on mixtures that are made as they are needed (Lightning)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import IterableDataset

from avloc_ros.datasets.mixtures.any_array_mix import Analysed, Mixer
from avloc_ros.features.inputs.any_array_layout import COLS, HOPS, MOST_PAIRS, ROWS
from avloc_ros.geometry import angles_from_direction, cell_centres, sphere_grid, wrap_angle
from avloc_ros.models.any_array.maps import ArraySteering, MaskedMaps
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig, ListeningNetwork, SphereNetwork
from avloc_ros.training.limited_time import rate_share

MASK_LOSS, VOICE_LOSS = 20.0, 2.0  # weights beside the loss of the cells of a frame
RISE_SHARE = 0.1  # of the way, in which the learning rate rises
WARM_FRAMES = 6  # the first frames of an example have no past: they are not scored
EVERY = 4  # of the frames of an example, this many apart are looked at: neighbours are alike


class Examples(IterableDataset):  # type: ignore[type-arg]
    """Batches of drawn examples without end, or, with `count`, the same ones each time."""

    def __init__(self, mixer: Mixer, batch: int, seed: int, count: int | None = None) -> None:
        self.mixer, self.batch, self.seed, self.count = mixer, batch, seed, count

    def __iter__(self) -> Iterator[list[Analysed]]:
        worker = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        # A worker's seed is another one in each epoch, and follows from torch's own.
        rng = np.random.default_rng([self.seed, worker.seed % 2**32 if worker is not None else 0])
        made = 0
        while self.count is None or made < self.count:
            yield [self.mixer.example(rng) for _ in range(self.batch)]
            made += 1


def cell_targets(directions: np.ndarray, active: np.ndarray) -> Tensor:
    """1 in each cell within one cell width of an active talker: float32 (frames, ROWS, COLS).

    directions (talkers, 3), active bool (talkers, frames). Azimuth is counted along the arc.
    """
    layout = sphere_grid(ROWS, COLS)
    cells_azimuth, cells_elevation = cell_centres(layout).reshape(-1, 2).T
    target = np.zeros((active.shape[1], ROWS * COLS), np.float32)
    for direction, speaks in zip(directions, active, strict=True):
        azimuth, elevation = angles_from_direction(direction)
        along = np.abs(wrap_angle(cells_azimuth - azimuth)) * np.cos(elevation)
        near = (along <= layout.u_step) & (np.abs(cells_elevation - elevation) <= layout.v_step)
        target[np.ix_(speaks, near)] = 1.0
    return torch.as_tensor(target).unflatten(1, (ROWS, COLS))


class AnyArrayModule(lightning.LightningModule):
    """Both networks, trained together; for the first `pretrain_steps` the listening network alone."""

    def __init__(
        self,
        config: AnyArrayNetworkConfig,
        mixer: Mixer,
        validation: Mixer,
        *,
        steps: int,
        pretrain_steps: int,
        rate: float,
        most_minutes: float = 0.0,
    ) -> None:
        """rate: the highest one; it rises for a tenth of the way and falls as a cosine to nothing. The way is `steps`,
        or `most_minutes` where those are over first (0: no limit).
        """
        super().__init__()
        self.listening, self.sphere = ListeningNetwork(config), SphereNetwork(config)
        self.maps = MaskedMaps(mixer.frequencies_hz, mixer.frames)
        self._rooms = {"train": mixer.rooms, "val": validation.rooms}
        self._frequencies_hz = mixer.frequencies_hz
        self._steering: dict[tuple[str, int], ArraySteering] = {}
        self.steps, self.pretrain_steps, self.rate = steps, pretrain_steps, rate
        self._config = config
        self._most_s, self._started_s = 60 * most_minutes, time.monotonic()

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), self.rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: rate_share(self.progress, RISE_SHARE))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    @property
    def progress(self) -> float:
        """How far training has come, 0 to 1."""
        passed = (time.monotonic() - self._started_s) / self._most_s if self._most_s else 0.0
        return min(1.0, max(self.global_step / self.steps, passed))

    def transfer_batch_to_device(self, batch: list[Analysed], device: torch.device, dataloader_idx: int) -> list[Analysed]:
        """Examples stay where they are; what is computed with goes to the device piece by piece."""
        return batch

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        if self.progress >= 1.0:
            self.trainer.should_stop = True

    def training_step(self, batch: list[Analysed]) -> Tensor:
        losses = self.losses(batch, "train", with_cells=self.global_step >= self.pretrain_steps)
        self.log_dict({f"train_{k}": v for k, v in losses.items()}, batch_size=len(batch))
        return losses["loss"]

    def validation_step(self, batch: list[Analysed]) -> None:
        losses = self.losses(batch, "val", with_cells=True)
        self.log_dict({f"val_{k}": v for k, v in losses.items()}, batch_size=len(batch))

    def losses(self, batch: list[Analysed], split: str, *, with_cells: bool) -> dict[str, Tensor]:
        """Mean losses of a batch: cells (sum over the cells of a frame), masks, voice."""
        levels = self._stacked([e.levels for e in batch])
        share = self._stacked([e.voice_share for e in batch])
        state = torch.zeros(2, len(batch), self._config.hidden, device=self.device)
        masks, voice, embedding, _ = self.listening(levels, state)
        anybody = self._stacked([np.asarray(e.active.any(0)) for e in batch]).repeat_interleave(HOPS, 1)
        mask_loss = functional.binary_cross_entropy(masks[:, :, 0], share)
        voice_loss = functional.binary_cross_entropy_with_logits(voice, anybody.float())
        result = {"mask": mask_loss, "voice": voice_loss}
        loss = MASK_LOSS * mask_loss + VOICE_LOSS * voice_loss
        if with_cells:
            result["cells"] = self._cell_loss(batch, masks, embedding, split)
            loss = loss * 0.25 + result["cells"]
        return result | {"loss": loss}

    def _cell_loss(self, batch: list[Analysed], masks: Tensor, embedding: Tensor, split: str) -> Tensor:
        maps, facts, targets = [], [], []
        for number, example in enumerate(batch):
            array = self.steering_of(split, example.room)
            pairs = array.some_pairs(MOST_PAIRS)
            at = torch.arange(WARM_FRAMES + int(torch.randint(EVERY, ())), len(example.phases), EVERY)
            found, about = self.maps(torch.as_tensor(example.phases, device=self.device), masks[number], array, pairs, at)
            maps.append(found)
            facts.append(torch.cat([embedding[number, HOPS - 1 :: HOPS][at], about], dim=1))
            targets.append(cell_targets(example.directions, example.active[:, at]))
        target = torch.cat(targets).to(self.device)
        logits = self.sphere(torch.cat(maps), torch.cat(facts))
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target)

    def _stacked(self, arrays: list[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.stack(arrays), device=self.device)

    @torch.no_grad()
    def probability(self, example: Analysed, at: np.ndarray) -> np.ndarray:
        """Probability (n, ROWS, COLS) in the frames `at` (n,) of a validation example, all pairs of microphones in use."""
        state = torch.zeros(2, 1, self._config.hidden, device=self.device)
        masks, _, embedding, _ = self.listening(self._stacked([example.levels]), state)
        array = self.steering_of("val", example.room)
        frames = torch.as_tensor(at, device=self.device)
        phases = torch.as_tensor(example.phases, device=self.device)
        maps, facts = self.maps(phases, masks[0], array, torch.arange(len(array.first)), frames)
        heard = torch.cat([embedding[0, HOPS - 1 :: HOPS][frames], facts], dim=1)
        return torch.sigmoid(self.sphere(maps, heard)).cpu().numpy()

    def steering_of(self, split: str, room: int) -> ArraySteering:
        """Steering of a room's array, made at first use."""
        key = (split, room)
        if key not in self._steering:
            self._steering[key] = ArraySteering(self._rooms[split][room].array, self._frequencies_hz, device=self.device)
        return self._steering[key]
