"""Several losses side by side: equal batches and steps, answers, the course of the learning rate, and who fails is left out."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from avloc_ros.config import from_mapping  # noqa: E402
from avloc_ros.datasets.mixtures.dry_speech import draw_dry_speech  # noqa: E402
from avloc_ros.datasets.tracks.moving_stock import MovingStock, MovingStockConfig  # noqa: E402
from avloc_ros.simulation.sound.moving_sources import synthetic_voice  # noqa: E402
from avloc_ros.training import limited_time  # noqa: E402
from avloc_ros.training.diff_track.localizer import LocalizerRecipe  # noqa: E402
from avloc_ros.training.diff_track.lockstep import (  # noqa: E402
    Learner,
    LockstepConfig,
    train_in_lockstep,
)

CPU = torch.device("cpu")


def recipe(loss):
    features = {"kind": "foa", "sample_rate_hz": 16000, "hop_length": 320, "window_length": 640, "mel_bands": 16}
    sources = {"sample_rate_hz": 16000, "seconds": 0.5, "reflections": 1}
    data = {"array": "tetrahedron_4mic", "features": features, "sources": sources, "swaps": True}
    network = {"feature_channels": 7, "bands": 16, "filters": 8, "recurrent": 8}
    return from_mapping(LocalizerRecipe, {"loss": loss, "network": network, "data": data})


def test_learners_take_the_same_steps_and_one_that_fails_is_left_out(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(limited_time, "time", SimpleNamespace(monotonic=lambda: 0.05 * next(ticks)))
    losses = ("tracking", "pit_mse", "mse")
    config = LockstepConfig(seconds=1.5, batch_size=4, report_every_s=0.1)
    learners = {loss: Learner(recipe(loss), config, 3, CPU) for loss in losses}
    starts = [learner.network.state_dict() for learner in learners.values()]
    assert all(torch.equal(start[key], starts[0][key]) for start in starts for key in start)
    data = recipe("mse").data
    speech = draw_dry_speech(synthetic_voice, data.sources, 2, 0)
    stock = MovingStock(data, speech, MovingStockConfig(rooms=1, first_rooms=1, sources=2, steps_per_room=500), 0, CPU)
    taken = dict.fromkeys(losses, 0)

    def counted(name, step):
        def run(batch, share):
            if name == "mse" and taken[name] == 1:
                raise RuntimeError("out of memory")
            taken[name] += 1
            step(batch, share)

        return run

    for name, learner in learners.items():
        learner.step = counted(name, learner.step)  # what `start` calls
    reports, said = [], []
    steps = train_in_lockstep(learners, stock, config, lambda *report: reports.append(report), said.append, 0.2)
    assert taken == {"tracking": steps, "pit_mse": steps, "mse": 1}
    assert steps > 2
    assert reports[-1] == (steps, 1.0, True)
    assert any("mse is left out" in text for text in said)
    directions, activity = learners["tracking"].answers(torch.zeros(3, 7, 25, 16))
    assert directions.shape == (3, 5, 2, 3)
    assert activity.shape == (3, 5, 2)
    assert np.isfinite(directions).all()
