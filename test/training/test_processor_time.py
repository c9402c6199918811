"""The limit of processor time of a training, and the fall of its learning rate at the end."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from avloc_ros.training.sound_events import loop as seld_loop


@pytest.fixture
def clock(monkeypatch):
    """Processor time that the test sets, in seconds."""
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(seld_loop.time, "process_time", lambda: now.s)
    return now


def trainer_with_rate(rate: float) -> SimpleNamespace:
    return SimpleNamespace(optimizers=[SimpleNamespace(param_groups=[{"lr": rate}])], should_stop=False)


def test_rate_falls_in_a_line_to_zero_over_the_last_share_of_the_time(clock):
    limit, trainer = seld_loop.ProcessorTime(100.0, cool_down=0.4), trainer_with_rate(0.002)
    rates = []
    for used_s in (0.0, 59.0, 60.0, 80.0, 90.0, 100.0, 101.0):
        clock.s = 1000.0 + used_s
        trainer.optimizers[0].param_groups[0]["lr"] = 0.002  # as the schedule sets it at each epoch
        limit.on_train_epoch_start(trainer, None)
        limit.on_train_batch_start(trainer)
        rates.append(trainer.optimizers[0].param_groups[0]["lr"])
    assert rates == pytest.approx([0.002, 0.002, 0.002, 0.001, 0.0005, 0.0, 0.0])


def test_within_an_epoch_the_factor_is_of_the_schedules_rate_not_of_the_last_batch(clock):
    limit, trainer = seld_loop.ProcessorTime(100.0, cool_down=1.0), trainer_with_rate(0.002)
    limit.on_train_epoch_start(trainer, None)
    for used_s in (50.0, 50.0, 50.0):
        clock.s = 1000.0 + used_s
        limit.on_train_batch_start(trainer)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.001)


def test_it_stops_only_after_its_time(clock):
    limit, trainer = seld_loop.ProcessorTime(100.0), trainer_with_rate(0.002)
    clock.s = 1099.0
    limit.on_train_batch_end(trainer)
    assert not trainer.should_stop and limit.rate_factor() == 1.0
    clock.s = 1101.0
    limit.on_train_batch_end(trainer)
    assert trainer.should_stop
