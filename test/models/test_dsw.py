"""The networks of DSW against the arithmetic of their specification, and against the formulas in numpy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.features.inputs.dsw_input import DswInputConfig  # noqa: E402
from avloc_ros.models.dsw.audio import AudioNetwork, AudioNetworkConfig  # noqa: E402
from avloc_ros.models.dsw.fusion import (  # noqa: E402
    FusionNetwork,
    FusionNetworkConfig,
    logit_of_log_probability,
)
from avloc_ros.models.dsw.refinement import Refinement  # noqa: E402
from avloc_ros.systems.flat_fusion import weighted_fusion  # noqa: E402
from avloc_ros.types import InputError  # noqa: E402


@pytest.fixture(autouse=True)
def repeatable():
    torch.manual_seed(0)


def grids(rows=20, cols=24, batch=3):
    return torch.rand(batch, rows, cols), torch.rand(batch, rows, cols), torch.rand(batch, 2, rows, cols)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


# ------------------------------------------------------------------------------------------------ audio tracker
def test_audio_network_has_the_shapes_of_the_paper():
    layout = DswInputConfig()
    assert (layout.maps, layout.frames, layout.bins, layout.frame_samples) == (12, 3, 1024, 1920)
    network = AudioNetwork(AudioNetworkConfig(), layout.maps, layout.frames, layout.bins).eval()
    spectra = torch.randn(2, 12, 3, 1024)
    assert network.per_frame(spectra).shape == (2, 3, 128)  # 64 filters * 1024 / (8 * 8 * 4 * 2) bins
    grid = network(spectra)
    assert grid.shape == (2, 20, 24) and 0 < grid.min().item() and grid.max().item() < 1


def test_audio_network_has_the_parameters_that_the_layers_add_up_to():
    network = AudioNetwork(AudioNetworkConfig(), 12, 3, 1024)
    convolutions = 64 * (12 * 9 + 1) + 3 * 64 * (64 * 9 + 1) + 4 * 2 * 64
    gru = 2 * sum(3 * 64 * (inputs + 64 + 2) for inputs in (128, 128))
    sizes = [3 * 128, 2048, 1024, 512, 480]
    dense = sum(a * b + b for a, b in pairwise(sizes))
    assert parameters(network) == convolutions + gru + dense


def test_four_poolings_by_eight_are_refused():
    with pytest.raises(InputError, match=r"8 x 8 x 8 x 8 = 4096"):
        AudioNetwork(AudioNetworkConfig(pooling=(8, 8, 8, 8)), 12, 3, 1024)


def test_causal_and_phase_difference_inputs_fit():
    layout = DswInputConfig(frames_before=2, frames_after=0, layout="ipd")
    assert (layout.frames, layout.maps) == (3, 6 + 2 * 5)
    network = AudioNetwork(AudioNetworkConfig(filters=4, hidden=(16,)), layout.maps, 3, 1024)
    assert network(torch.randn(2, 16, 3, 1024)).shape == (2, 20, 24)


# ------------------------------------------------------------------------------------------------ fusion
@pytest.mark.parametrize("kind", ["flat", "scalar", "spatial"])
def test_weights_lie_between_0_and_1(kind):
    network = FusionNetwork(FusionNetworkConfig(kind=kind, refine_filters=4)).eval()
    probability, audio, video = network(*grids())
    for values in (probability, audio, video):
        assert values.shape == (3, 20, 24)
        assert float(values.min()) >= 0 and float(values.max()) <= 1
    if kind == "flat":
        assert float(audio.min()) == float(video.min()) == 1
    if kind == "scalar":
        assert float((audio + video - 1).abs().max()) < 1e-6
        assert float(audio.std(dim=(1, 2)).max()) < 1e-6  # the same in all cells
    if kind == "spatial":
        assert float(audio.std(dim=(1, 2)).min()) > 0


@pytest.mark.parametrize("kind", ["flat", "scalar", "spatial"])
def test_unrefined_probability_is_the_formula(kind):
    """Eq. 1 and 2 in numpy, with cells below the floor and NaN."""
    network = FusionNetwork(FusionNetworkConfig(kind=kind, refine=False)).eval()
    audio, video, reliability = grids()
    audio[0, 0, 0], audio[0, 0, 1], video[0, 1, 1] = 0.0, float("nan"), 1e-9
    with torch.no_grad():
        probability, audio_weight, video_weight = network(audio, video, reliability)
    a = np.where(np.isnan(audio.numpy()), 1e-6, np.maximum(audio.numpy(), 1e-6))
    v = np.maximum(video.numpy(), 1e-6)
    by_hand = a ** audio_weight.numpy() * v ** video_weight.numpy()
    assert np.isfinite(probability.numpy()).all()
    np.testing.assert_allclose(probability.numpy(), by_hand, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        weighted_fusion(audio.numpy(), video.numpy(), audio_weight.numpy(), video_weight.numpy()), by_hand, rtol=1e-4
    )


def test_spatial_estimator_is_three_convolutions():
    network = FusionNetwork(FusionNetworkConfig(reliability=False, refine=False))
    one = (9 * 1 + 1) * 64 + (9 * 64 + 1) * 32 + (32 + 1)
    assert parameters(network) == 2 * one


def test_a_weight_sees_five_by_five_cells_and_no_more():
    network = FusionNetwork(FusionNetworkConfig(refine=False)).eval()
    audio, video, reliability = grids(batch=1)
    changed = audio.clone()
    changed[0, 10, 10] = 1 - changed[0, 10, 10]
    with torch.no_grad():
        moved = (network(audio, video, reliability)[1] - network(changed, video, reliability)[1])[0].abs() > 0
    rows, cols = np.nonzero(moved.numpy())
    assert rows.min() >= 8 and rows.max() <= 12 and cols.min() >= 8 and cols.max() <= 12


@pytest.mark.parametrize("kind", ["flat", "spatial"])
def test_convolutional_fusion_runs_on_any_grid(kind):
    network = FusionNetwork(FusionNetworkConfig(kind=kind, refine_filters=4)).eval()
    assert network(*grids(10, 12))[0].shape == (3, 10, 12)
    assert network(*grids(40, 48))[0].shape == (3, 40, 48)


def test_refinement_is_the_skipped_encoder_decoder_step_by_step():
    """d1 = convT(c5), d_k = convT(ReLU(BN(d_(k-1) + c_(6-k)))), written out with torch's functions."""
    network = Refinement(filters=6, depth=5).eval()
    maps = torch.rand(2, 1, 7, 9)
    with torch.no_grad():
        c = [maps]
        for layer in network.down:
            c.append(layer(c[-1]))
        d = network.up[0](c[5])
        for k in range(2, 6):
            d = network.up[k - 1](network.rectified[k - 2](d + c[6 - k]))
        expected = network.out(d)[:, 0]
        torch.testing.assert_close(network(maps), expected)
    assert parameters(network) == (
        9 * 6 + 4 * 9 * 36 + 5 * 12 + 5 * (9 * 36 + 6) + 4 * 12 + 6 + 1
    )  # conv and BN, convT with bias, BN, 1x1


def test_logit_of_a_log_probability():
    p = torch.tensor([1e-12, 1e-3, 0.2, 0.5, 0.999], dtype=torch.float64)
    torch.testing.assert_close(logit_of_log_probability(p.log()), torch.logit(p))
    assert torch.isfinite(logit_of_log_probability(torch.zeros(1))).all()


def test_count_head_is_optional_and_trained_beside():
    assert FusionNetwork(FusionNetworkConfig()).detail(*grids()).count_logit is None
    network = FusionNetwork(FusionNetworkConfig(refine_filters=4, count_speakers=4))
    assert network.detail(*grids()).count_logit.shape == (3, 4)
