"""Fusion by a network, against torch and against the formula, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from avloc_ros.geometry import image_grid  # noqa: E402
from avloc_ros.models.dsw.fusion import FusionNetwork, FusionNetworkConfig  # noqa: E402
from avloc_ros.runtime.weights import sha256_of  # noqa: E402
from avloc_ros.systems.flat_fusion import FlatFusion, weighted_fusion  # noqa: E402
from avloc_ros.systems.fusion import FusionConfig, open_fusion  # noqa: E402
from avloc_ros.training.dsw.fusion_product import example_inputs, export_fusion  # noqa: E402
from avloc_ros.training.onnx_export import largest_difference  # noqa: E402
from avloc_ros.types import InputError, Modality, SpeakerGrid  # noqa: E402


def network_of(kind, **values):
    torch.manual_seed(1)
    network = FusionNetwork(FusionNetworkConfig(kind=kind, refine_filters=8, **values))
    with torch.no_grad():  # as after some training: the statistics of BatchNorm are not those of the start
        for _ in range(3):
            network.train()(*example_inputs(network, 8).values())
    return network.eval()


def written(folder, kind, **values):
    network = network_of(kind, **values)
    path = folder / f"{kind}.onnx"
    path.write_bytes(export_fusion(network)[0])
    card = {
        "name": f"own_{kind}", "system": f"dsw_fusion_{kind}", "kind": kind, "sha256": sha256_of(path), "licence": "MIT",
        "recipe": {}, "data": {}, "seed": 0, "metrics": {}, "threshold": 0.4, "threshold_raw": 0.1,
    }  # fmt: skip
    path.with_suffix(".card.json").write_text(json.dumps(card))
    return network, path


def grids(rows=20, cols=24, seed=0):
    rng = np.random.default_rng(seed)
    layout = image_grid(720, 450, rows, cols)
    audio = SpeakerGrid(
        7, layout, Modality.AUDIO, rng.random((rows, cols), np.float32), 0.5, "ear", window_s=0.08,
        audio_weight=np.asarray(0.7, np.float32),
    )  # fmt: skip
    video = SpeakerGrid(
        7, layout, Modality.VIDEO, rng.random((rows, cols), np.float32), 0.5, "eye",
        video_weight=rng.random((rows, cols), np.float32),
    )  # fmt: skip
    return audio, video


@pytest.mark.parametrize("kind", ["flat", "scalar", "spatial"])
def test_onnxruntime_and_torch_give_the_same(kind):
    network = network_of(kind)
    full, half = export_fusion(network)
    inputs = example_inputs(network, 5)
    assert largest_difference(network, full, inputs) < 1e-4
    assert largest_difference(network, half, inputs) < 0.02
    assert len(half) < 0.75 * len(full)


@pytest.mark.parametrize("kind", ["flat", "scalar", "spatial"])
def test_a_step_is_the_network_on_both_grids_and_their_reliability(tmp_path, kind):
    network, path = written(tmp_path, kind)
    fusion = open_fusion(FusionConfig(kind=kind, refine="on", weights=str(path), caution=1.0))
    audio, video = grids()
    fused = fusion.step(audio, video)
    reliability = np.stack([video.video_weight, np.full((20, 24), 0.7, np.float32)])
    with torch.no_grad():
        expected = network(*(torch.from_numpy(x[None]) for x in (audio.probability, video.probability, reliability)))
    for found, tensor in zip((fused.probability, fused.audio_weight, fused.video_weight), expected, strict=True):
        np.testing.assert_allclose(found, tensor[0].numpy(), atol=1e-4)
    assert fused.modality == Modality.FUSED and fused.threshold == pytest.approx(0.4) and fused.system == f"own_{kind}"
    assert fused.window_s == 0.08 and fused.stamp_ns == 7


def test_without_refinement_it_is_equation_2_with_the_networks_weights(tmp_path):
    _, path = written(tmp_path, "spatial")
    audio, video = grids()
    fused = open_fusion(FusionConfig("spatial", "off", str(path), caution=1.0)).step(audio, video)
    expected = weighted_fusion(audio.probability, video.probability, fused.audio_weight, fused.video_weight)
    np.testing.assert_allclose(fused.probability, expected, rtol=1e-5)
    assert fused.threshold == pytest.approx(0.1)
    own = open_fusion(FusionConfig(kind="spatial", weights=str(path), threshold=0.33)).step(audio, video)
    assert own.threshold == 0.33


def test_a_missing_sense_passes_the_other_on(tmp_path):
    _, path = written(tmp_path, "spatial")
    fusion = open_fusion(FusionConfig(kind="spatial", weights=str(path)))
    audio, video = grids()
    assert fusion.step(audio, None) is audio and fusion.step(None, video) is video
    with pytest.raises(InputError, match="nothing to fuse"):
        fusion.step(None, None)
    with pytest.raises(InputError, match="different moments"):
        fusion.step(audio, replace(video, stamp_ns=8))


def test_spatial_weights_serve_any_grid_and_scalar_ones_their_own(tmp_path):
    _, spatial = written(tmp_path, "spatial")
    small = grids(10, 12)
    assert open_fusion(FusionConfig(kind="spatial", weights=str(spatial))).step(*small).probability.shape == (10, 12)
    _, scalar = written(tmp_path, "scalar")
    with pytest.raises(InputError, match="made for a grid of 20 x 24 cells"):
        open_fusion(FusionConfig(kind="scalar", weights=str(scalar))).step(*small)


def test_nothing_known_about_reliability_counts_as_reliable(tmp_path):
    _, path = written(tmp_path, "spatial")
    fusion = open_fusion(FusionConfig(kind="spatial", weights=str(path)))
    audio, video = grids()
    ones = fusion.step(
        replace(audio, audio_weight=np.ones(())), replace(video, video_weight=np.ones((20, 24), np.float32))
    )
    unknown = fusion.step(replace(audio, audio_weight=None), replace(video, video_weight=None))
    np.testing.assert_array_equal(unknown.probability, ones.probability)


def test_kinds_without_weights_say_what_to_do(tmp_path):
    assert isinstance(open_fusion(FusionConfig(kind="flat")), FlatFusion)
    with pytest.raises(InputError, match="no weights at"):
        open_fusion(FusionConfig(kind="spatial", weights=str(tmp_path / "none.onnx")))
    _, path = written(tmp_path, "scalar")
    with pytest.raises(InputError, match="set the kind"):
        open_fusion(FusionConfig(kind="spatial", weights=str(path)))


@pytest.mark.parametrize(("refine", "validated"), [("on", 0.4), ("off", 0.1)])
def test_the_odds_of_the_validated_threshold_are_raised_and_a_given_one_stays(tmp_path, refine, validated):
    _, path = written(tmp_path, "spatial")
    config = FusionConfig(kind="spatial", weights=str(path), refine=refine, caution=2.0)
    raised = open_fusion(config).step(*grids()).threshold
    assert raised / (1 - raised) == pytest.approx(2 * validated / (1 - validated))
    assert open_fusion(replace(config, caution=1.0)).step(*grids()).threshold == pytest.approx(validated)
    assert open_fusion(replace(config, threshold=0.3)).step(*grids()).threshold == 0.3
