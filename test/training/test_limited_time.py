"""Training in a given time: the share that is over, the course of the learning rate, running means, files that are whole."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.training import limited_time  # noqa: E402
from avloc_ros.training.limited_time import Clock, RunningMean, descend, rate_share, save_whole  # noqa: E402


@pytest.fixture
def now(monkeypatch):
    """The time of the clock, in a list of one number that a test sets."""
    value = [50.0]
    monkeypatch.setattr(limited_time, "time", SimpleNamespace(monotonic=lambda: value[0]))
    return value


def test_time_and_steps_end_it(now):
    clock = Clock(1000.0, 100)
    assert clock.share == 0
    clock.step = 50
    assert clock.share == 0.5
    now[0] += 800
    assert clock.share == pytest.approx(0.8)
    now[0] += 800
    assert clock.share == 1 and clock.seconds == 1600
    assert Clock(0.0).share == 0


def test_what_is_due_counts_anew_when_it_is_done(now):
    clock = Clock(1000.0)
    now[0] += 9
    assert not clock.is_due("report", 10)
    now[0] += 1
    assert clock.is_due("report", 10) and not clock.is_due("report", 10) and clock.is_due("other", 10)
    now[0] += 15
    clock.done("report")
    assert not clock.is_due("report", 10)


def test_the_learning_rate_rises_then_falls_to_nothing():
    shares = [rate_share(at, 0.1) for at in np.linspace(0, 1, 101)]
    assert int(np.argmax(shares)) == 10 and all(np.diff(shares[:11]) > 0) and all(np.diff(shares[10:]) < 0)
    assert [shares[at] for at in (0, 5, 10, 55, 100)] == pytest.approx([0.02, 0.5, 1.0, 0.5, 0.0])
    assert [rate_share(at) for at in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5, 0.0])


def test_a_step_goes_down_as_far_as_the_gradient_may_be_long():
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = torch.optim.SGD([weight], lr=9.0)
    for largest, wanted in ((0.0, [2.7, 3.6]), (1.0, [2.64, 3.52])):
        descend(optimizer, weight.square().sum() / 2, 0.1, largest)
        np.testing.assert_allclose(weight.detach(), wanted, rtol=1e-5)


def test_the_mean_of_weights_follows_slowly():
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(module.weight)
    averaged = RunningMean(module, 0.6)
    torch.nn.init.ones_(module.weight)
    values = []
    for _ in range(20):
        averaged.update(module)
        values.append(averaged.mean.weight.item())
    expected = 1 - np.cumprod([min(0.6, n / (n + 10)) for n in range(1, 21)])
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_file_of_weights_is_replaced_whole(tmp_path):
    for value in (1.0, 2.0):
        save_whole({"weight": torch.full((2,), value)}, tmp_path / "network.pt")
    assert torch.load(tmp_path / "network.pt", weights_only=True)["weight"].tolist() == [2.0, 2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["network.pt"]
