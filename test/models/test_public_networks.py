"""ResNet-50 and I3D take the public weights: names and shapes by the published architecture, without the files."""

# ruff: noqa: E402
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from avloc_ros.models.sound_events.i3d import I3d, pad_same
from avloc_ros.models.sound_events.resnet50 import ResNet50, load_public_weights
from avloc_ros.types import InputError


def norm_keys(name, channels):
    vectors = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return vectors | {f"{name}.num_batches_tracked": ()}


def resnet50_keys():
    """He et al. 2016, Table 1: 3, 4, 6, 3 bottlenecks of width 64..512, the first of a stage with a projection."""
    keys = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 2048), "fc.bias": (1000,)} | norm_keys(
        "bn1", 64
    )
    before = 64
    for stage, (blocks, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            for conv, shape in enumerate(
                [(width, before, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)], start=1
            ):
                keys[f"{name}.conv{conv}.weight"] = shape
                keys |= norm_keys(f"{name}.bn{conv}", shape[0])
            if block == 0:
                keys[f"{name}.downsample.0.weight"] = (4 * width, before, 1, 1)
                keys |= norm_keys(f"{name}.downsample.1", 4 * width)
            before = 4 * width
    return keys


def i3d_keys():
    """Carreira and Zisserman 2017, Fig. 3, with the filters of Inception-v1 (Szegedy et al. 2015, Table 1)."""
    keys = {"logits.conv3d.weight": (400, 1024, 1, 1, 1), "logits.conv3d.bias": (400,)}

    def unit(name, before, after, size):
        keys[f"{name}.conv3d.weight"] = (after, before, size, size, size)
        keys.update(norm_keys(f"{name}.bn", after))

    unit("Conv3d_1a_7x7", 3, 64, 7)
    unit("Conv3d_2b_1x1", 64, 64, 1)
    unit("Conv3d_2c_3x3", 64, 192, 3)
    before = 192
    table = """3b 64 96 128 16 32 32|3c 128 128 192 32 96 64|4b 192 96 208 16 48 64|4c 160 112 224 24 64 64|
    4d 128 128 256 24 64 64|4e 112 144 288 32 64 64|4f 256 160 320 32 128 128|5b 256 160 320 32 128 128|
    5c 384 192 384 48 128 128"""
    for row in table.split("|"):
        module, *numbers = row.split()
        one, r3, three, r5, five, pool = map(int, numbers)
        sizes = {"b0": (before, one, 1), "b1a": (before, r3, 1), "b1b": (r3, three, 3)}
        sizes |= {"b2a": (before, r5, 1), "b2b": (r5, five, 3), "b3b": (before, pool, 1)}
        for branch, size in sizes.items():
            unit(f"Mixed_{module}.{branch}", *size)
        before = one + three + five + pool
    return keys


@pytest.mark.parametrize(
    ("network", "keys", "parameters"),
    [(lambda: ResNet50(1000), resnet50_keys, 25_557_032), (lambda: I3d(400), i3d_keys, 12_697_264)],
)
def test_names_shapes_and_numbers_are_those_of_the_public_weights(network, keys, parameters):
    network = network()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == keys()
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_public_weights_load_without_their_classifier(tmp_path):
    full, encoder = ResNet50(10), ResNet50()
    torch.save(full.state_dict(), tmp_path / "resnet50.pth")
    load_public_weights(encoder, tmp_path / "resnet50.pth", unused=("fc.",))
    assert torch.equal(encoder.layer3[2].conv2.weight, full.layer3[2].conv2.weight)
    with pytest.raises(InputError, match="does not fit"):
        load_public_weights(encoder, tmp_path / "resnet50.pth", unused=())
    with pytest.raises(InputError, match="no weights"):
        load_public_weights(encoder, tmp_path / "other.pth", unused=())
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match="not a file of torch weights"):
        load_public_weights(encoder, tmp_path / "text.pth", unused=())


def test_maps_have_the_size_of_the_paper():
    """448 x 224 gives 14 x 7, so two pools of 7 x 7."""
    with torch.no_grad():
        assert ResNet50().eval()(torch.zeros(1, 3, 224, 448)).shape == (1, 2048, 7, 14)


@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(30, 7, 2), (15, 3, 2), (8, 3, 1), (7, 2, 2), (112, 3, 2)]
)
def test_padding_gives_a_size_divided_by_the_stride_rounded_up(size, kernel, stride):
    padded = pad_same(torch.ones(1, 1, size, 4, 4), (kernel, 1, 1), (stride, 1, 1))
    assert (padded.shape[2] - kernel) // stride + 1 == -(-size // stride)
    before = int(padded[0, 0, :, 0, 0].argmax())
    after = padded.shape[2] - size - before
    assert after - before in (0, 1)  # an odd one goes to the end
