"""One way to start lightning for every recipe: devices, nodes, quiet output, no files but those asked for."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

ADVERTISING = ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch", "lightning.fabric.utilities.seed")


def seeded(seed: int) -> None:
    """Seed torch, numpy and random; the same in every process, which lightning then tells apart by rank."""
    lightning.seed_everything(seed, workers=True, verbose=False)


def lightning_trainer(
    *,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
    **limits: Any,
) -> lightning.Trainer:
    """A trainer that writes no logs and no checkpoints of its own. limits: max_epochs, max_steps, val_check_interval, ..

    More than one device or node trains data-parallel through torch.distributed.
    """
    # A task that leaves a head out leaves its weights without a gradient.
    strategy: Any = DDPStrategy(find_unused_parameters=True) if devices * nodes > 1 else "auto"
    for name in ADVERTISING:
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lightning.Trainer(
            devices=devices,
            num_nodes=nodes,
            accelerator=accelerator,
            strategy=strategy,
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **limits,
        )
