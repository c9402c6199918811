"""The any-array networks: circular in azimuth, causal in time, the same in onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.features.inputs.any_array_layout import BANDS, COLS, LEARNT, MAP_ROWS, MAPS, ROWS  # noqa: E402
from avloc_ros.models.any_array.networks import (  # noqa: E402
    FACTS,
    AnyArrayNetworkConfig,
    ListeningNetwork,
    SphereNetwork,
    around_the_sphere,
)

SMALL = AnyArrayNetworkConfig(hidden=16, embedding=6, filters=8, dilations=(1, 2))


@pytest.fixture(scope="module")
def networks() -> tuple[ListeningNetwork, SphereNetwork]:
    torch.manual_seed(0)
    listening, sphere = ListeningNetwork(SMALL).eval(), SphereNetwork(SMALL).eval()
    for parameter in sphere.parameters():
        torch.nn.init.normal_(parameter, std=0.2)  # also those that start at zero
    return listening, sphere


def test_turning_the_room_turns_the_answer(networks):
    maps, facts = torch.rand(1, len(MAPS), MAP_ROWS, COLS), torch.randn(1, SMALL.embedding + FACTS)
    with torch.no_grad():
        still = networks[1](maps, facts)
        turned = networks[1](torch.roll(maps, 14, dims=-1), facts)
    assert still.shape == (1, ROWS, COLS)
    assert still.std() > 1e-3
    np.testing.assert_allclose(turned, torch.roll(still, 14, dims=-1), atol=1e-4)


def test_the_border_is_no_border(networks):
    cells = torch.arange(2 * 3 * 4.0).reshape(1, 2, 3, 4)
    wide = around_the_sphere(cells, 1)
    assert wide.shape == (1, 2, 5, 6)
    np.testing.assert_array_equal(wide[..., 1:-1, 0], cells[..., :, -1])
    np.testing.assert_array_equal(wide[..., 1:-1, -1], cells[..., :, 0])
    np.testing.assert_array_equal(wide[..., 0, 1:-1], cells[..., 0, :])


def test_what_comes_later_changes_nothing_before(networks):
    levels, state = torch.randn(1, 20, BANDS), torch.zeros(2, 1, SMALL.hidden)
    other = levels.clone()
    other[:, 12:] += 1.0
    with torch.no_grad():
        first, second = networks[0](levels, state), networks[0](other, state)
    for before, after in zip(first[:3], second[:3], strict=True):
        np.testing.assert_allclose(before[:, :12], after[:, :12], atol=1e-6)
        assert (before[:, 12:] - after[:, 12:]).abs().max() > 1e-4


def test_in_pieces_it_hears_what_it_hears_at_once(networks):
    levels, state = torch.randn(1, 20, BANDS), torch.zeros(2, 1, SMALL.hidden)
    with torch.no_grad():
        whole, _, _, _ = networks[0](levels, state)
        parts = []
        for start in range(0, 20, 4):
            masks, _, _, state = networks[0](levels[:, start : start + 4], state)
            parts.append(masks)
    assert whole.shape == (1, 20, LEARNT, BANDS)
    np.testing.assert_allclose(torch.cat(parts, 1), whole, atol=1e-6)


def test_onnxruntime_gives_what_torch_gives(networks):
    from avloc_ros.runtime.engines import OnnxEngine
    from avloc_ros.training.any_array.export import (
        Listen,
        Look,
        export_listen,
        export_look,
        listen_inputs,
        look_inputs,
    )
    from avloc_ros.training.onnx_export import largest_difference

    listening, sphere = networks
    listen, look = export_listen(listening, SMALL), export_look(sphere, SMALL)
    assert largest_difference(Listen(listening), listen, listen_inputs(SMALL)) < 1e-5
    assert largest_difference(Look(sphere), look, look_inputs(SMALL)) < 1e-5
    for windows in (1, 5):  # the number of windows is free, as a GPU with many rooms needs it
        inputs = {name: value.numpy() for name, value in look_inputs(SMALL, windows).items()}
        assert OnnxEngine(look, "cpu").run(inputs)["probability"].shape == (windows, ROWS, COLS)
