"""The networks of av_seld: parts against torch's own, shapes, and what each fusion lets through."""

# ruff: noqa: E402
from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from avloc_ros.models.sound_events.av_seld import AvSeld, AvSeldConfig
from avloc_ros.models.sound_events.av_seld_audio import AudioEncoder, AudioEncoderConfig
from avloc_ros.models.sound_events.av_seld_fusion import FUSIONS, FusionConfig, make_fusion
from avloc_ros.models.sound_events.av_seld_visual import VisualEncoder, VisualEncoderConfig
from avloc_ros.models.sound_events.conformer import Attention, ConformerConfig, Convolution, sinusoids
from avloc_ros.models.sound_events.crnn import SeldCrnn, SeldCrnnConfig

TINY_CONFORMER = ConformerConfig(layers=1, heads=2, feed_forward=32, kernel=5)
TINY_EYES = VisualEncoderConfig(
    width=16,
    picture_width=64,
    picture_height=32,
    plain_channels=(8, 8, 16),
    plain_columns=4,
    conformer=TINY_CONFORMER,
)
TINY_FUSION = FusionConfig(layers=2, heads=2, conformer_units=32, attention_units=32, kernel=5, gru_units=16)
TINY = AvSeldConfig(
    bands=32,
    head_units=16,
    audio_encoder=AudioEncoderConfig(channels=(8, 8, 16, 16), conformer=TINY_CONFORMER),
    visual_encoder=TINY_EYES,
    fusion=TINY_FUSION,
)


def inputs(batch=2):
    torch.manual_seed(1)
    return torch.randn(batch, 7, 480, 32), torch.rand(batch, 30, 3, 32, 64)


def test_attention_is_that_of_torch():
    ours, theirs = Attention(16, 4, 0.0), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in (ours.query, ours.key, ours.value)]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in (ours.query, ours.key, ours.value)]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    frames, others = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    assert torch.allclose(ours(frames, others), theirs(frames, others, others)[0], atol=1e-5)


def test_a_depthwise_kernel_reaches_half_its_length():
    layer = Convolution(4, 7, 0.0).eval()
    frames = torch.randn(1, 20, 4)
    changed = frames.clone()
    changed[0, 10, 0] += 1
    touched = (layer(frames) != layer(changed)).any(2)[0].nonzero().flatten().tolist()
    assert touched == list(range(7, 14))
    with pytest.raises(ValueError, match="odd"):
        Convolution(4, 8, 0.0)


def test_positions_are_sines_and_cosines():
    positions = sinusoids(50, 8)
    assert positions.shape == (50, 8)
    assert positions[7, 0] == pytest.approx(0.656987, abs=1e-5)  # sin 7
    assert positions[7, 3] == pytest.approx(0.764842, abs=1e-5)  # cos 0.7


def test_the_audio_encoder_of_the_paper_gives_thirty_embeddings_of_512():
    config = AudioEncoderConfig(conformer=ConformerConfig(layers=0))
    encoder = AudioEncoder(config).eval()
    assert encoder(torch.zeros(1, 7, 480, 128)).shape == (1, 30, 512) and config.hops_per_frame == 16
    convolutions = 9 * (
        7 * 64 + 64 * 64 + 64 * 128 + 128 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 512 * 512
    )
    projections = 7 * 64 + 64 * 128 + 128 * 256 + 256 * 512
    norms = 2 * 3 * (64 + 128 + 256 + 512) + 2 * 512
    assert (
        sum(p.numel() for p in encoder.parameters()) == convolutions + projections + norms
    )  # no bias anywhere


@pytest.mark.parametrize("kind", FUSIONS)
def test_every_fusion_uses_both_senses_and_all_its_parameters(kind):
    network = AvSeld(replace(TINY, fusion=replace(TINY_FUSION, kind=kind)))
    features, pictures = inputs()
    features.requires_grad_()
    pictures.requires_grad_()
    output = network(features, pictures)
    assert output.shape == (2, 30, 117) and output.abs().max() < 1
    output.square().mean().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0
        for n, p in network.named_parameters()
        if "key.bias" not in n
    )
    assert features.grad.abs().sum() > 0 and pictures.grad.abs().sum() > 0


@pytest.mark.parametrize(("audio", "visual"), [(True, "none"), (False, "plain")])
@pytest.mark.parametrize("kind", ["conformer", "gru"])
def test_one_sense_alone(audio, visual, kind):
    network = AvSeld(replace(TINY, audio=audio, visual=visual, fusion=replace(TINY_FUSION, kind=kind))).eval()
    features, pictures = inputs(1)
    output = network(features) if audio else network(pictures=pictures)
    assert output.shape == (1, 30, 117)
    with pytest.raises(AssertionError):
        network(pictures=pictures) if audio else network(features)


def test_parallel_layers_treat_both_senses_alike_and_sequential_ones_do_not():
    """With the weights of both directions equal, swapping the inputs swaps the outputs, unless one comes first."""
    audio, video = torch.randn(1, 6, 8), torch.randn(1, 6, 8)
    for kind, alike in (("cmaf", True), ("cross_attention", True), ("cmaf_sequential", False)):
        fusion = make_fusion([8, 8], replace(TINY_FUSION, kind=kind)).eval()
        fusion.to_video.load_state_dict(fusion.to_audio.state_dict())
        there, back = fusion([audio, video]), fusion([video, audio])
        swapped = torch.cat(back.chunk(2, 2)[::-1], 2)
        assert torch.allclose(there, swapped, atol=1e-5) == alike
    own = make_fusion([8, 8], replace(TINY_FUSION, kind="cross_attention"))
    assert all(block.own is None for block in own.to_audio)


def test_cross_modal_fusion_takes_two_senses():
    with pytest.raises(ValueError, match="two embeddings"):
        AvSeld(replace(TINY, visual="none", fusion=replace(TINY_FUSION, kind="cmaf")))


def test_the_plain_trunk_keeps_columns_apart():
    trunk = VisualEncoder("plain", TINY_EYES).eval().trunk
    dark = torch.zeros(1, 1, 3, 32, 64)
    lit = dark.clone()
    lit[..., 56:] = 1.0  # the right edge: the last of four columns, and what a kernel reaches
    changed = (trunk(dark) != trunk(lit)).view(16, 4).any(0).tolist()
    assert changed[3] and not changed[0] and not changed[1]


@pytest.mark.parametrize(("kind", "frames"), [("resnet50", 2), ("i3d", 10)])
def test_public_trunks_give_one_embedding_per_picture(kind, frames):
    config = replace(TINY_EYES, train_trunk=False)
    encoder = VisualEncoder(kind, config).train()
    output = encoder(torch.rand(1, frames, 3, 224, 448))
    assert output.shape == (1, frames, 16)
    output.square().sum().backward()
    assert all(p.grad is None for p in encoder.trunk.parameters()) and encoder.linear.weight.grad is not None


def test_the_baseline_has_the_size_of_the_public_one():
    assert sum(p.numel() for p in SeldCrnn(SeldCrnnConfig()).parameters()) == 737_141
    network = SeldCrnn(SeldCrnnConfig(attention_layers=0)).eval()
    assert network(torch.zeros(1, 7, 250, 64)).shape == (1, 50, 117) and network.hops_per_frame == 5


def test_the_scaler_is_part_of_the_network():
    network = AvSeld(replace(TINY, visual="none")).eval()
    features, _ = inputs(1)
    mean, deviation = torch.randn(7, 32), torch.rand(7, 32) + 0.5
    plain = network(features)
    network.set_scaler(mean, deviation)
    assert torch.allclose(network(features * deviation[:, None] + mean[:, None]), plain, atol=1e-4)
    assert "feature_mean" in network.state_dict()
