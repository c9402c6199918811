"""The fusion node with a network: what it publishes, what it says, and what it refuses while it runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from rclpy.parameter import Parameter  # noqa: E402

from avloc_ros.geometry import image_grid  # noqa: E402
from avloc_ros.models.dsw.fusion import FusionNetwork, FusionNetworkConfig  # noqa: E402
from avloc_ros.msg import SpeakerGrid as SpeakerGridMessage  # noqa: E402
from avloc_ros.nodes.fusion import FusionNode  # noqa: E402
from avloc_ros.nodes.messages.quality_of_service import result_quality  # noqa: E402
from avloc_ros.nodes.messages.speaker_messages import grid_from_message, grid_to_message  # noqa: E402
from avloc_ros.runtime.weights import sha256_of  # noqa: E402
from avloc_ros.systems.fusion import FusionConfig  # noqa: E402
from avloc_ros.training.dsw.fusion_product import export_fusion  # noqa: E402
from avloc_ros.types import Modality, SpeakerGrid  # noqa: E402


@pytest.fixture(scope="module")
def network_and_file(tmp_path_factory):
    torch.manual_seed(2)
    network = FusionNetwork(FusionNetworkConfig(refine_filters=4)).eval()
    path = tmp_path_factory.mktemp("weights") / "own.onnx"
    path.write_bytes(export_fusion(network)[0])
    card = {
        "name": "own", "system": "dsw_fusion_spatial", "kind": "spatial", "sha256": sha256_of(path), "licence": "MIT",
        "recipe": {}, "data": {}, "seed": 0, "metrics": {}, "threshold": 0.4, "threshold_raw": 0.1,
    }  # fmt: skip
    path.with_suffix(".card.json").write_text(json.dumps(card))
    return network, path


def grids(rng):
    layout = image_grid(320, 200)
    ear, eye = rng.random((2, 20, 24), np.float32)
    audio = SpeakerGrid(0, layout, Modality.AUDIO, ear, 0.5, "ear", audio_weight=np.asarray(0.6, np.float32))
    video = SpeakerGrid(
        0, layout, Modality.VIDEO, eye, 0.5, "eye", video_weight=rng.random((20, 24), np.float32)
    )
    return audio, video


def test_reliability_travels_and_weights_come_out(rig, network_and_file):
    network, path = network_and_file
    rig.add(FusionNode, parameters={"fusion": {"kind": "spatial", "weights": str(path)}})
    audio, video = grids(np.random.default_rng(0))
    publishers = [
        rig.node.create_publisher(SpeakerGridMessage, topic, result_quality()) for topic in ("audio_grid", "visual_grid")
    ]
    stamps = iter(range(rig.start_ns, rig.start_ns + 10**11, 40_000_000))

    def fused() -> bool:
        stamp = next(stamps)
        for publisher, grid in zip(publishers, (audio, video), strict=True):
            message = grid_to_message(grid)
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
            publisher.publish(message)
        return any(grid.modality == SpeakerGridMessage.FUSED for grid in rig.seen.grids)

    assert rig.wait(fused, 10)
    found = grid_from_message(next(g for g in rig.seen.grids if g.modality == SpeakerGridMessage.FUSED))
    reliability = np.stack([video.video_weight, np.full((20, 24), 0.6, np.float32)])
    inputs = [torch.from_numpy(values[None]) for values in (audio.probability, video.probability, reliability)]
    with torch.no_grad():
        probability, audio_weight, video_weight = (output[0].numpy() for output in network(*inputs))
    np.testing.assert_allclose(found.probability, probability, atol=1e-4)
    np.testing.assert_allclose(found.audio_weight, audio_weight, atol=1e-4)
    np.testing.assert_allclose(found.video_weight, video_weight, atol=1e-4)
    assert found.threshold / (1 - found.threshold) == pytest.approx(FusionConfig().caution * 0.4 / 0.6)
    assert rig.wait(lambda: "mean audio weight" in rig.seen.values.get("fusion", {}))
    values = rig.seen.values["fusion"]
    assert values["kind"] == "spatial, refined" and values["weights"].startswith("own (")
    assert float(values["mean audio weight"]) == pytest.approx(audio_weight.mean(), abs=0.01)


def test_weights_that_are_not_there_are_refused_and_the_old_ones_go_on(rig, network_and_file):
    (node,) = rig.add(FusionNode)
    (refused,) = node.set_parameters([Parameter("weights", value="none.onnx"), Parameter("kind", value="spatial")])[1:]
    assert not refused.successful and "none.onnx" in refused.reason
    assert node.config.kind == "flat"
    together = [Parameter("weights", value=str(network_and_file[1])), Parameter("kind", value="spatial")]
    assert node.set_parameters_atomically(together).successful and node.config.kind == "spatial"
