"""Published sizes, odd picture sizes, every fusion, and a torchvision state dict."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from avloc_ros.models.asl_unet.beam_plane import BeamPlane
from avloc_ros.models.asl_unet.config import FUSIONS, SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.models.asl_unet.resnet18 import ResNet18
from avloc_ros.models.asl_unet.unet import UNet
from avloc_ros.types import InputError

pytestmark = pytest.mark.usefixtures("one_thread")


TINY = SpeakerUNetConfig(rows=36, cols=52, colours=1, context_frames=1, width=4, levels=3, audio_width=4)


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_resnet18_has_the_published_size_and_names():
    """torchvision's resnet18: 11,689,512 parameters, 513,000 of them in its head."""
    network = ResNet18(3)
    assert parameters(network) == 11_689_512 - 513_000
    names = set(network.state_dict())
    assert len(names) == 122 - 2
    assert {"conv1.weight", "layer2.0.downsample.1.running_var", "layer4.1.bn2.weight"} <= names


def test_a_torchvision_state_dict_gives_equal_channels_the_same_answer():
    torch.manual_seed(0)
    colours = ResNet18(3).eval()
    weights = dict(colours.state_dict()) | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    heard = ResNet18(6).eval()
    heard.load_torchvision(weights)
    grey = torch.randn(2, 1, 64, 64)
    assert torch.allclose(colours(grey.expand(-1, 3, -1, -1)), heard(grey.expand(-1, 6, -1, -1)), atol=1e-4)
    with pytest.raises(InputError, match="width 64"):
        heard.load_torchvision({"conv1.weight": torch.zeros(32, 3, 7, 7)})
    with pytest.raises(InputError, match="ResNet18"):
        heard.load_torchvision({"conv1.weight": torch.zeros(64, 3, 7, 7)})


def test_unet_has_the_published_size():
    """31.0 M parameters with 64..512 filters, 1024 at the bottleneck, transposed convolutions and one output."""
    with torch.device("meta"):
        assert parameters(UNet(3)) == pytest.approx(31.04e6, rel=0.002)


def test_early_fusion_in_the_reports_form_has_118_million_parameters_in_one_layer():
    config = SpeakerUNetConfig(fusion="early", early_rows=0, early_cols=0)
    with torch.device("meta"):
        network = SpeakerUNet(config)
        coarse = SpeakerUNet(replace(config, early_rows=12, early_cols=20))
    assert parameters(network.to_picture) == 360 * 640 * 513
    assert parameters(coarse.to_picture) == 240 * 513


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("colours", [1, 3])
def test_masks_have_the_size_of_their_pictures_and_sound_counts_where_it_enters(fusion, colours):
    torch.manual_seed(1)
    network = SpeakerUNet(replace(TINY, fusion=fusion, colours=colours)).eval()
    pictures, sound = torch.randn(2, 3, colours, 36, 52), torch.randn(2, 6, 65, 22)
    found = network(pictures, sound)
    assert found.mask.shape == (2, 36, 52) and found.wearer.shape == (2, 2)
    other = network(pictures, sound + torch.randn_like(sound))
    assert torch.equal(found.mask, other.mask) == (fusion == "none")
    assert torch.equal(network.wearer_logits(sound), found.wearer)


def test_it_starts_from_the_picture_of_now_and_can_learn_the_others():
    network = SpeakerUNet(TINY).eval()
    pictures, sound = torch.randn(1, 3, 1, 36, 52, requires_grad=True), torch.randn(1, 6, 65, 22)
    before = pictures.detach().clone()
    before[:, 0] += 1.0
    assert torch.equal(network(pictures, sound).mask, network(before, sound).mask)
    network(pictures, sound).mask.sum().backward()
    assert network.time.weight.grad.flatten().abs().min() > 0


def test_a_second_map_of_time_starts_as_what_moved():
    network = SpeakerUNet(replace(TINY, time_maps=2)).eval()
    pictures, sound = torch.randn(1, 3, 1, 36, 52), torch.randn(1, 6, 65, 22)
    image = network.time(pictures[:, :, 0])
    assert torch.allclose(image[:, 0], pictures[:, 1, 0])
    assert torch.allclose(image[:, 1], pictures[:, 1, 0] - (pictures[:, 0, 0] + pictures[:, 2, 0]) / 2, atol=1e-6)
    assert network(pictures, sound).mask.shape == (1, 36, 52)


def test_the_live_form_has_no_pictures_of_the_future():
    assert replace(TINY, past_only=True).pictures == 2 and TINY.pictures == 3
    assert SpeakerUNetConfig().pictures == 7


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="this network takes"):
        SpeakerUNet(TINY)(torch.randn(1, 3, 1, 40, 52), torch.randn(1, 6, 65, 22))


def test_beams_draw_the_place_of_their_peak_whichever_direction_it_has():
    """After some learning on drawn beams the plane's column is that of the peak."""
    torch.manual_seed(2)
    plane, beams = BeamPlane(24, 2, 16, filters=16), torch.arange(24) - 11.5
    optimizer = torch.optim.Adam(plane.parameters(), 0.01)

    def drawn(columns):
        at = (columns.float() + 0.5) * 1.5 - 12  # 16 columns over 24 beams
        peaks = torch.exp(-(((beams - at[:, None]) / 2) ** 2))[:, :, None, None]
        return peaks + 0.3 * torch.randn(len(columns), 24, 8, 6)

    for _ in range(60):
        columns = torch.randint(16, (32,))
        logits = plane(drawn(columns))[:, 0].mean(1)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits, columns).backward()
        optimizer.step()
    columns = torch.arange(16)
    found = plane.eval()(drawn(columns))
    assert found.shape == (16, 1, 2, 16)
    assert (found[:, 0].mean(1).argmax(1) - columns).abs().float().mean() < 0.5


def test_the_exported_answer_is_the_learned_one_without_its_planes():
    torch.manual_seed(3)
    network = SpeakerUNet(replace(TINY, audio_channels=11, beams=5, faces=True, fusion="both", patch=2, levels=2)).eval()
    pictures, sound = torch.randn(2, 3, 1, 36, 52), torch.randn(2, 11, 64, 22)
    short, full = network(pictures, sound), network.answer(pictures, sound)
    assert torch.equal(short.mask, full.mask) and torch.equal(short.wearer, full.wearer)
    assert torch.equal(short.faces, full.faces) and full.faces.shape == (2, 36, 52)
    assert [tuple(p.shape) for p in full.planes] == [(2, 12, 20), (2, 5, 7)]
    assert short.mask.sigmoid().mean() < 0.1  # an untrained mask expects few speakers
