"""The training loop that all recipes share: Lightning with early stopping, checkpoints, logs and a progress bar."""

from __future__ import annotations

import importlib.util
import logging
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar, Timer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from avloc_ros.config import setting
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.limited_time import Clock, rate_share
from avloc_ros.types import InputError


@dataclass(frozen=True)
class OptimizerConfig:
    """How long and how fast to learn."""

    learning_rate: float = setting(1e-3, "of Adam", low=1e-7, high=1.0)
    batch_size: int = setting(64, "frames of one step", low=1, high=65536)
    max_epochs: int = setting(20, "epochs at most", low=1, high=100000)
    patience: int = setting(4, "epochs without a better validation loss before it stops", low=1, high=100000)
    schedule: str = setting(
        "constant", "learning rate: constant, or as a cosine down to 0 at the end", choices=("constant", "cosine")
    )
    most_minutes: float = setting(0.0, "ends, and the cosine with it, after this time at the latest; 0: never", low=0.0)
    gradient_clip: float = setting(0.0, "largest norm of the gradient; 0: any", low=0.0, high=1e6)


@dataclass(frozen=True)
class RunOptions:
    """Where and on what a recipe runs."""

    out: Path
    seed: int = 0
    device: str = "auto"  # auto, cpu or gpu
    devices: int = 1
    nodes: int = 1
    threads: int = 0  # of torch on a CPU; 0: torch decides
    resume: bool = False
    jobs: int = 1  # processes that simulate before the training
    show_progress: bool = True


@dataclass(frozen=True)
class Fitted:
    """What training left: the best checkpoint, its validation loss, epochs and seconds."""

    checkpoint: Path
    validation_loss: float
    epochs: int
    seconds: float


def fit(
    module: lightning.LightningModule, training: Any, validation: Any, config: OptimizerConfig, options: RunOptions
) -> Fitted:
    """Train a module on two DataLoaders and load its best weights. Raises InputError where there is nothing to resume."""
    checkpoints = options.out / "checkpoints"
    last = _last_checkpoint(checkpoints) if options.resume else None
    lightning.seed_everything(options.seed, workers=True, verbose=False)
    if options.threads:
        torch.set_num_threads(options.threads)
    if runs_on_gpu(options):
        torch.set_float32_matmul_precision("high")  # TF32
    best = ModelCheckpoint(checkpoints, "best", monitor="val_loss", save_last=True, enable_version_counter=False)
    callbacks: list[Callback] = [best, EarlyStopping("val_loss", patience=config.patience)]
    if config.most_minutes:
        callbacks.append(Timer(timedelta(minutes=config.most_minutes), verbose=False))
    if options.show_progress:
        callbacks.append(RichProgressBar())
    with warnings.catch_warnings(), _quiet_lightning():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*|.*is smaller than the logging.*")
        warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists.*|.*srun.*")
        trainer = lightning.Trainer(
            accelerator=options.device,
            devices=options.devices,
            num_nodes=options.nodes,
            max_epochs=config.max_epochs,
            gradient_clip_val=config.gradient_clip or None,
            callbacks=callbacks,
            logger=_loggers(options.out),
            enable_progress_bar=options.show_progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
        )
        started = time.perf_counter()
        trainer.fit(module, training, validation, ckpt_path=last)
        seconds = time.perf_counter() - started
    if trainer.interrupted:
        raise KeyboardInterrupt
    path = Path(best.best_model_path)
    module.load_state_dict(read_torch(path)["state_dict"])
    score = float(best.best_model_score) if best.best_model_score is not None else float("nan")
    return Fitted(path, score, trainer.current_epoch, seconds)


def adam(module: lightning.LightningModule, config: OptimizerConfig) -> Any:
    """Adam, with the schedule of the config, as Lightning wants it."""
    optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
    if config.schedule == "constant":
        return optimizer
    clock = Clock(60 * config.most_minutes, module.trainer.estimated_stepping_batches)

    def share_of_rate(step: int) -> float:
        clock.step = step
        return rate_share(clock.share)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share_of_rate)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def runs_on_gpu(options: RunOptions) -> bool:
    """Whether these options train on a GPU."""
    return options.device != "cpu" and torch.cuda.is_available()


def is_first_process() -> bool:
    """Whether this process writes the results; the others of a multi-GPU run only compute."""
    return not torch.distributed.is_available() or not torch.distributed.is_initialized() or (
        torch.distributed.get_rank() == 0
    )


def _last_checkpoint(folder: Path) -> Path:
    last = folder / "last.ckpt"
    if not last.is_file():
        raise InputError(f"nothing to resume: no {last}; start without --resume")
    return last


def _loggers(out: Path) -> list[Logger]:
    version = f"run{len(list((out / 'log').glob('run*')))}"  # a resumed run keeps the curves of those before
    loggers: list[Logger] = [CSVLogger(out, name="log", version=version)]
    if importlib.util.find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(out, name="tensorboard", version=version))
    return loggers


class _quiet_lightning:  # noqa: N801
    """Keeps Lightning's advertisements off the terminal, for the time of one run."""

    names = ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.seed")

    def __enter__(self) -> None:
        self._levels = [logging.getLogger(name).level for name in self.names]
        for name in self.names:
            logging.getLogger(name).setLevel(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        for name, level in zip(self.names, self._levels, strict=True):
            logging.getLogger(name).setLevel(level)
