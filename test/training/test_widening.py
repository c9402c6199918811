"""Wider networks answer as the narrow ones; those read from ONNX files are those that were written."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("lightning")

from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig, ListeningNetwork, SphereNetwork  # noqa: E402
from avloc_ros.training.any_array import widening  # noqa: E402
from avloc_ros.training.any_array.export import export_listen, export_look, listen_inputs, look_inputs  # noqa: E402
from avloc_ros.training.onnx_export import stored_as_float16  # noqa: E402

NARROW = AnyArrayNetworkConfig(hidden=12, embedding=5, filters=6, dilations=(1, 2))
WIDE = AnyArrayNetworkConfig(hidden=30, embedding=5, filters=13, dilations=(1, 2))  # no multiples: copies are uneven


@pytest.fixture
def narrow() -> tuple[ListeningNetwork, SphereNetwork]:
    """Not freshly made: normalisation has statistics and scales of its own, and what is heard has a say."""
    torch.manual_seed(0)
    listening, sphere = ListeningNetwork(NARROW), SphereNetwork(NARROW)
    with torch.no_grad():
        for parameter in sphere.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for module in sphere.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
    return listening.eval(), sphere.eval()


def answers(listening: ListeningNetwork, sphere: SphereNetwork, config: AnyArrayNetworkConfig) -> list[np.ndarray]:
    levels = listen_inputs(NARROW)["levels"]
    with torch.no_grad():
        heard = listening(levels, torch.zeros(2, 1, config.hidden))[:3]
        return [part.numpy() for part in heard] + [sphere(*look_inputs(NARROW).values()).numpy()]


def test_wider_networks_answer_as_the_narrow_ones(narrow) -> None:
    listening, sphere = ListeningNetwork(WIDE), SphereNetwork(WIDE)
    listening.load_state_dict(widening.wider_listening(narrow[0].state_dict(), NARROW, WIDE))
    sphere.load_state_dict(widening.wider_sphere(narrow[1].state_dict(), NARROW, WIDE))
    for found, expected in zip(answers(listening.eval(), sphere.eval(), WIDE), answers(*narrow, NARROW), strict=True):
        assert np.allclose(found, expected, atol=2e-5)


def test_copies_of_a_unit_differ_in_what_they_send(narrow) -> None:
    """Else their gradients would be the same for ever."""
    masks = widening.wider_listening(narrow[0].state_dict(), NARROW, WIDE)["masks.weight"]
    assert not torch.allclose(masks[:, 0], masks[:, NARROW.hidden])


def test_networks_are_read_from_the_files_that_ship(narrow, tmp_path) -> None:
    """As they are stored, normalisation folded and numbers of 16 bits."""
    for name, model in (("listen", export_listen(narrow[0], NARROW)), ("look", export_look(narrow[1], NARROW))):
        (tmp_path / f"{name}.onnx").write_bytes(stored_as_float16(model))
    listening, sphere = ListeningNetwork(NARROW), SphereNetwork(NARROW)
    listening.load_state_dict(widening.read_listening(tmp_path / "listen.onnx", NARROW))
    sphere.load_state_dict(widening.read_sphere(tmp_path / "look.onnx", NARROW))
    for found, expected in zip(answers(listening.eval(), sphere.eval(), NARROW), answers(*narrow, NARROW), strict=True):
        assert np.allclose(found, expected, atol=0.02 * max(1.0, np.abs(expected).max()))
