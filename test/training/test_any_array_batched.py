"""The batched training of the any-array networks computes what the one by one does, and learns."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from avloc_ros.datasets.mixtures.any_array_batches import BatchMixer  # noqa: E402
from avloc_ros.datasets.mixtures.room_tensors import RoomTensors  # noqa: E402
from avloc_ros.datasets.mixtures.sound_tensors import Recorded, SoundTensors  # noqa: E402
from avloc_ros.features.inputs.any_array_layout import HOPS, LEARNT  # noqa: E402
from avloc_ros.microphone_array import MicrophoneArray  # noqa: E402
from avloc_ros.models.any_array.batched_maps import BatchedMaps  # noqa: E402
from avloc_ros.models.any_array.maps import ArraySteering, MaskedMaps  # noqa: E402
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig  # noqa: E402
from avloc_ros.training.any_array.batched import (  # noqa: E402
    AnyArrayNetworks,
    BatchedPlan,
    batched_losses,
    batched_targets,
    mend_gradients,
    train_batched,
)  # fmt: skip
from avloc_ros.training.any_array.one_by_one import cell_targets  # noqa: E402

CPU = torch.device("cpu")
FRAMES = 20
CONFIG = AnyArrayNetworkConfig(hidden=16, embedding=6, filters=8, dilations=(1, 2))


@pytest.fixture(scope="module")
def mixer() -> BatchMixer:
    rng = np.random.default_rng(0)
    time = np.arange(32000) / 16000
    syllables = (np.sin(2 * np.pi * 3 * time) > 0) * np.sin(2 * np.pi * 200 * time)
    voice = (syllables + 0.001 * rng.standard_normal(len(time))).astype(np.float32)
    rooms = RoomTensors(2, 3, [], CPU)
    rooms.add()
    return BatchMixer(SoundTensors(Recorded([voice], [], []), 2, 0, CPU), rooms, 2, FRAMES)


def test_maps_are_those_of_one_array_at_a_time():
    rng = np.random.default_rng(2)
    frequencies_hz = np.arange(0, 225) * 31.25
    maps = MaskedMaps(frequencies_hz, FRAMES)
    channels = [4, 6]
    positions = torch.zeros(2, 6, 3)
    phases = torch.zeros(2, 6, FRAMES * HOPS, 225, dtype=torch.complex64)
    masks = torch.rand(2, FRAMES * HOPS, LEARNT, 40, generator=torch.Generator().manual_seed(1))
    pairs, is_pair = torch.zeros(2, 9, 2, dtype=torch.long), torch.zeros(2, 9, dtype=torch.bool)
    at = torch.tensor([7, 12, 19])
    expected = []
    for number, count in enumerate(channels):
        array = MicrophoneArray(rng.uniform(-0.08, 0.08, (count, 3)))
        steering = ArraySteering(array, frequencies_hz)
        chosen = torch.arange(min(9, count * (count - 1) // 2))
        angle = torch.as_tensor(rng.uniform(-np.pi, np.pi, (count, FRAMES * HOPS, 225)), dtype=torch.float32)
        phases[number, :count] = torch.polar(torch.ones_like(angle), angle)
        positions[number, :count] = torch.as_tensor(array.positions_m, dtype=torch.float32)
        pairs[number, : len(chosen)] = torch.stack(
            [torch.as_tensor(steering.first)[chosen], torch.as_tensor(steering.second)[chosen]], 1
        )
        is_pair[number, : len(chosen)] = True
        one = phases[number, :count].unflatten(1, (FRAMES, HOPS)).permute(1, 2, 0, 3)
        expected.append(maps(one, masks[number], steering, chosen, at))
    found, facts = BatchedMaps(maps, torch.as_tensor(frequencies_hz))(phases, masks, positions, pairs, is_pair, at)
    for number, (wanted, about) in enumerate(expected):
        np.testing.assert_allclose(found[number], wanted, atol=2e-3 * float(wanted.abs().max()))  # its space is cut at 1e-3
        np.testing.assert_allclose(facts[number, :, 2:], about[:, 2:], atol=2e-3)
        np.testing.assert_allclose(facts[number, :, 0], about[:, 0], atol=1e-6)


def test_targets_are_those_of_one_example():
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(3, 4, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    active = rng.random((3, 4, 6)) < 0.5
    found = batched_targets(torch.as_tensor(directions, dtype=torch.float32), torch.as_tensor(active)).unflatten(0, (3, 6))
    for example in range(3):
        np.testing.assert_array_equal(found[example], cell_targets(directions[example], active[example]))


def test_it_learns_and_keeps_what_it_learnt(mixer, tmp_path):
    torch.manual_seed(0)
    networks = AnyArrayNetworks(CONFIG, mixer.frequencies_hz, FRAMES)
    batch = mixer.batch(np.random.default_rng(1), torch.Generator().manual_seed(1))
    at = torch.arange(6, FRAMES, 4)
    before = values_of(batched_losses(networks, batch, at))
    lines: list[str] = []
    plan = BatchedPlan(steps=8, most_seconds=0.0, rate=1e-2, pretrain_steps=2, validation_batches=1)
    best = train_batched(networks, mixer, mixer, plan, tmp_path, 0, lines.append)
    after = values_of(batched_losses(networks, batch, at))
    assert after["loss"] < 0.95 * before["loss"] and after["cells"] < before["cells"]
    assert mixer.rooms.full and "validation" in lines[-1]
    kept = torch.load(best, weights_only=True)
    assert kept.keys() == networks.state_dict().keys()
    assert (tmp_path / "validation.csv").read_text().startswith("seconds,step")


def test_gradients_reach_the_listening_network_through_the_maps(mixer):
    networks = AnyArrayNetworks(CONFIG, mixer.frequencies_hz, FRAMES)
    for layer in (networks.sphere.first, *networks.sphere.body):
        torch.nn.init.normal_(layer.film.weight, std=0.1)
    batch = mixer.batch(np.random.default_rng(1), torch.Generator().manual_seed(1))
    batched_losses(networks, batch, torch.arange(6, FRAMES, 4))["cells"].backward()
    weights = networks.listening.masks.weight.grad.unflatten(0, (LEARNT, -1))
    assert bool((weights.abs().amax((1, 2)) > 0).all())


def values_of(losses: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(loss.detach()) for name, loss in losses.items()}


def test_gradients_that_are_not_finite_are_told_and_taken_as_0():
    layer = torch.nn.Linear(2, 1)
    layer.weight.grad, layer.bias.grad = torch.tensor([[1.0, float("nan")]]), torch.tensor([float("inf")])
    assert bool(mend_gradients(layer)) and not bool(mend_gradients(layer))
    assert layer.weight.grad.tolist() == [[1.0, 0.0]] and layer.bias.grad.tolist() == [0.0]
