"""The loop of the sound event trainings: Lightning, falling rate, the best epoch, a time limit, several GPUs or machines."""

from __future__ import annotations

import logging
import math
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, Timer
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, WeightedRandomSampler

from avloc_ros.datasets.events.event_chunks import EventChunks
from avloc_ros.training.kept_memory import keep_memory
from avloc_ros.training.sound_events.recipes import SeldOptimizerConfig

QUIET = ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.seed")


@dataclass(frozen=True)
class Machine:
    """On what a training runs; device is auto, cpu or gpu, threads those of torch on a CPU (0: torch decides)."""

    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    threads: int = 0
    progress: bool = False


@dataclass(frozen=True)
class LoopResult:
    """Best value of what was watched, the epochs that were run, and seconds."""

    best: float
    epochs: int
    seconds: float


def run_loop(
    module: lightning.LightningModule,
    training: DataLoader,
    validation: DataLoader,
    watched: str,
    out: Path,
    config: SeldOptimizerConfig,
    machine: Machine,
    seed: int,
) -> LoopResult:
    """Train a module and load the weights of its best epoch, by the smallest value of `watched`."""
    keep_memory()
    lightning.seed_everything(seed, workers=True, verbose=False)
    if machine.threads:
        torch.set_num_threads(machine.threads)
    best = ModelCheckpoint(out / "checkpoints", "best", monitor=watched, enable_version_counter=False)
    callbacks: list[Callback] = [best, NextEpoch()]
    if config.most_minutes:
        callbacks.append(Timer({"seconds": math.ceil(60 * config.most_minutes)}))
    if config.most_cpu_minutes:
        callbacks.append(ProcessorTime(60 * config.most_cpu_minutes, config.cool_down))
    levels = {name: logging.getLogger(name).level for name in QUIET}
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore")
            trainer = lightning.Trainer(
                accelerator=machine.device,
                devices=machine.devices,
                num_nodes=machine.nodes,
                max_epochs=config.epochs,
                gradient_clip_val=config.gradient_clip or None,
                callbacks=callbacks,
                logger=CSVLogger(out, name="log", version=""),
                enable_progress_bar=machine.progress,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                log_every_n_steps=10,
            )
            started = time.perf_counter()
            trainer.fit(module, training, validation)
            seconds = time.perf_counter() - started
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if best.best_model_path:
        checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        module.load_state_dict(checkpoint["state_dict"])
    value = float(best.best_model_score) if best.best_model_score is not None else math.nan
    return LoopResult(value, trainer.current_epoch, seconds)


def chunk_loader(
    chunks: EventChunks, config: SeldOptimizerConfig, weights: list[float] | None = None
) -> DataLoader:
    """Shuffled batches of training chunks, or batches of validation chunks in their order.

    weights: how often each chunk is drawn, relative to the others.
    """
    if not chunks.training:
        return DataLoader(chunks, config.batch_size, num_workers=config.workers)
    drawn = config.batches_per_epoch * config.batch_size
    if not drawn and weights is None:
        return DataLoader(chunks, config.batch_size, shuffle=True, num_workers=config.workers)
    sampler = WeightedRandomSampler(weights or [1.0] * len(chunks), drawn or len(chunks))
    return DataLoader(chunks, config.batch_size, sampler=sampler, num_workers=config.workers)


def falling_adam(module: lightning.LightningModule, config: SeldOptimizerConfig) -> Any:
    """Adam, constant for a while, then slower by a factor per epoch, as Lightning wants it."""
    optimizer = torch.optim.Adam((p for p in module.parameters() if p.requires_grad), lr=config.learning_rate)

    def factor(epoch: int) -> float:
        return float(config.decay ** max(0, epoch + 1 - config.constant_epochs))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}


class ProcessorTime(Callback):
    """Ends a training after `most_s` seconds of processor time of this process, validation included.

    Two networks trained so had the same chance, whatever else the machine did meanwhile. cool_down: the last share of that
    time, over which the learning rate falls in a line to 0.
    """

    def __init__(self, most_s: float, cool_down: float = 0.0) -> None:
        self.most_s, self.cool_down, self._started_s = most_s, cool_down, time.process_time()
        self._own_rates: list[float] = []

    def rate_factor(self) -> float:
        """Of the learning rate now: 1 until the cool-down, then down to 0."""
        left = 1.0 - (time.process_time() - self._started_s) / self.most_s
        return min(1.0, max(0.0, left / self.cool_down)) if self.cool_down else 1.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Called by Lightning, after the schedule has set the rates of the epoch."""
        self._own_rates = [group["lr"] for group in _groups(trainer)]

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: object, **__: object) -> None:
        """Called by Lightning."""
        factor = self.rate_factor()
        for group, rate in zip(_groups(trainer), self._own_rates, strict=True):
            group["lr"] = rate * factor

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object, **__: object) -> None:
        """Called by Lightning."""
        if time.process_time() - self._started_s > self.most_s:
            trainer.should_stop = True


def _groups(trainer: lightning.Trainer) -> list[dict[str, Any]]:
    return [group for optimizer in trainer.optimizers for group in optimizer.param_groups]


class NextEpoch(Callback):
    """Tells the training chunks which epoch it is, so that they are varied anew."""

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Called by Lightning."""
        loader = trainer.train_dataloader
        dataset = getattr(loader, "dataset", None)
        if isinstance(dataset, EventChunks):
            dataset.epoch = trainer.current_epoch


def gathered(values: list[Any]) -> list[Any]:
    """The values of all processes of a training on several GPUs or machines; the values themselves in a single one."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return values
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, values)
    return [value for part in parts for value in part]


@torch.no_grad()
def fit_scaler(
    features: torch.nn.Module, chunks: EventChunks, most: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, deviation) (channels, bins) of the features of up to `most` training chunks, spread over all of them."""
    from avloc_ros.features.spectra.scaler import ScalerFit

    fit = ScalerFit()
    for item in range(0, len(chunks), max(1, len(chunks) // most)):
        samples = torch.from_numpy(chunks[item]["samples"])[None]
        fit.add(features(samples)[0].numpy())
    scaler = fit.scaler()
    return torch.from_numpy(scaler.mean), torch.from_numpy(scaler.deviation)
