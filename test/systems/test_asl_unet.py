"""asl_unet, moment by moment, must say what it says about the whole recording; and it refuses what it was not trained for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from avloc_ros.config import to_mapping
from avloc_ros.datasets.glasses.recording import EgocentricRecording
from avloc_ros.datasets.glasses.speaker_frames import SpeakerFrames
from avloc_ros.decode.face_memory import FaceMemory, FaceMemoryConfig
from avloc_ros.decode.heard_columns import heard_columns
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.runtime.weights import shipped_weights
from avloc_ros.sources.sync.av_sync import AvSync, AvSyncConfig
from avloc_ros.systems.asl_unet import SHIPPED, SpeakerUNetSettings, SpeakerUNetSystem
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.network_export import export_speaker_unet
from avloc_ros.types import AudioChunk, AudioWindow, InputError, VideoFrame

pytestmark = pytest.mark.usefixtures("one_thread")


RATE, FPS, FRAMES = 16000, 20, 14
START_NS = 1_700_000_000_000_000_000
AUDIO = SegmentAudioConfig(bands=16, beams=5)


def recipe(**network) -> SpeakerUNetRecipe:
    sizes = {"rows": 36, "cols": 64, "colours": 1, "width": 4, "levels": 2, "audio_width": 4, "audio_channels": 11}
    return SpeakerUNetRecipe(network=SpeakerUNetConfig(**(sizes | {"context_frames": 1} | network)), audio=AUDIO)


def lively_network(made: SpeakerUNetRecipe) -> SpeakerUNet:
    """Untrained, with normalisations that are not at their start values."""
    torch.manual_seed(0)
    network = SpeakerUNet(made.network)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def write(folder, made: SpeakerUNetRecipe, **card) -> SpeakerUNet:
    network = lively_network(made)
    path = folder / "tiny.onnx"
    export_speaker_unet(network, path, *made.audio.shape[1:])
    content = {"name": "tiny", "system": "asl_unet", "metrics": {}, "threshold": 0.5, "wearer_threshold": 0.4} | card
    write_weights(path, path.read_bytes(), content, Provenance(to_mapping(made), {}, "test", 0))
    return network


@pytest.fixture(scope="module")
def recording() -> EgocentricRecording:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (FRAMES, 72, 128, 3)).astype(np.uint8)
    sound = rng.normal(0, 0.1, (FRAMES * RATE // FPS, 6)).astype(np.float32)
    return EgocentricRecording(
        "noise", sound, RATE, FPS, images, (128, 72), ((),) * FRAMES, np.zeros(FRAMES, bool)
    )


def streamed(system: SpeakerUNetSystem, recording: EgocentricRecording, packet: int = 441):
    """What it says to packets and pictures as they come, by AvSync as in the node."""
    lead_ns = round(system.lead_s * 1e9)
    sync = AvSync(AvSyncConfig(window_s=system.window_s, max_wait_s=1.0, frame_rate_hz=FPS), 6, RATE)
    events = [(first / RATE, "sound", first) for first in range(0, len(recording.samples), packet)]
    events += [(number / FPS, "picture", number) for number in range(FRAMES)]
    found = []
    for time_s, kind, number in sorted(events):
        stamp_ns = START_NS + round(time_s * 1e9)
        if kind == "picture":
            system.see(VideoFrame(stamp_ns, recording.images[number]))
            sync.push_frame(stamp_ns - lead_ns)
        else:
            sync.push_audio(AudioChunk(stamp_ns, number, recording.samples[number : number + packet], RATE))
        found += [system.step(window) for window in sync.pop()]
    return found + [system.step(window) for window in sync.flush()]


@pytest.mark.parametrize("past_only", [True, False])
def test_streaming_says_what_the_network_says_about_the_recording(tmp_path, recording, past_only):
    made = recipe(past_only=past_only)
    network = write(tmp_path, made)
    system = SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx"), device="cpu"))
    found = {result.stamp_ns: result for result in streamed(system, recording)}
    small = np.stack([np.asarray(_small(image, 36, 64)) for image in recording.images])
    offline = SpeakerFrames(
        [dataclasses.replace(recording, images=small)], [(0, k) for k in range(FRAMES)], made.network, made.audio
    )
    compared = 0
    for number in range(FRAMES):
        result = found.get(START_NS + number * 50_000_000)
        if result is None or (not past_only and number < 1):
            continue
        pictures, sound, _, _, _ = offline[number]
        with torch.no_grad():
            expected = network(pictures[None], sound[None])
        assert result.probability == pytest.approx(torch.sigmoid(expected.mask[0]).numpy(), abs=1e-4)
        wearer = torch.softmax(expected.wearer[0], 0)[1]
        assert result.wearer.probability == pytest.approx(float(wearer), abs=1e-4)
        assert result.wearer.speaking == (result.wearer.probability >= 0.4)
        assert result.mask.shape == (72, 128) and result.grid.layout.shape == (36, 64)
        compared += 1
    assert compared >= FRAMES - 2


@pytest.mark.parametrize("direction_filters", [0, 8])
def test_with_a_memory_its_beliefs_are_what_is_published(tmp_path, recording, direction_filters):
    """The belief in every moment is that of a memory fed with the network's two masks, and with what it hears in the direction
    of each column; a setting turns it off."""
    made = recipe(faces=True, past_only=True, beams=5, bins=16, direction_filters=direction_filters)
    memory = FaceMemoryConfig(face_threshold=0.001, heard=0.3)  # an untrained network expects few faces
    network = write(tmp_path, made, memory=to_mapping(memory) | {"threshold": 0.25})
    system = SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx"), device="cpu"))
    found = [result for result in streamed(system, recording) if result.probability is not None]
    small = np.stack([_small(image, 36, 64) for image in recording.images])
    offline = SpeakerFrames(
        [dataclasses.replace(recording, images=small)], [(0, k) for k in range(FRAMES)], made.network, made.audio
    )
    remembers, compared = FaceMemory(memory), 0
    for result in found:
        number = (result.stamp_ns - START_NS) // 50_000_000
        pictures, sound, _, _, _ = offline[number]
        with torch.no_grad():
            masks = network(pictures[None], sound[None])
        speaking, faces = (torch.sigmoid(mask[0]).numpy() for mask in (masks.mask, masks.faces))
        heard = None
        if direction_filters:
            heard = heard_columns(masks.directions[0].numpy(), np.deg2rad([60, 30, 0, -30, -60]), 64, 90.0)
        belief = remembers.step(speaking, faces, result.stamp_ns, heard)
        assert belief.any() and result.probability == pytest.approx(belief, abs=1e-3)
        compared += 1
    assert compared >= FRAMES - 2 and system.threshold == 0.25
    alone = SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx"), device="cpu", remember=False))
    last = [result for result in streamed(alone, recording) if result.stamp_ns == found[-1].stamp_ns]
    assert last[0].probability == pytest.approx(speaking, abs=1e-4) and alone.threshold == 0.5
    write(tmp_path, made, memory={"evidence": 0.3})
    with pytest.raises(InputError, match="memory needs its settings"):
        SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx"), device="cpu"))


def _small(image: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """Means over the 2 x 2 pixels that a smaller one covers, rounded as OpenCV does."""
    return np.floor(image.reshape(rows, 2, cols, 2, 3).mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def window(channels=6, seconds=0.35, rate=RATE) -> AudioWindow:
    rng = np.random.default_rng(2)
    return AudioWindow(START_NS, rng.normal(0, 0.1, (round(seconds * rate), channels)).astype(np.float32), rate)


def test_without_a_picture_the_wearer_alone_is_heard_at_any_rate(tmp_path):
    write(tmp_path, recipe())
    system = SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx"), device="cpu"))
    result = system.step(window())
    assert result.mask is None and result.grid is None and 0 < result.wearer.probability < 1
    assert result.stamp_ns == START_NS + 150_000_000
    slow = np.stack([np.interp(np.arange(16800) / 48000, np.arange(5600) / 16000, c) for c in window().samples.T], axis=1)
    fast = system.step(AudioWindow(START_NS, slow.astype(np.float32), 48000))
    assert fast.wearer.probability == pytest.approx(result.wearer.probability, abs=0.05)


def test_what_does_not_fit_is_refused(tmp_path):
    write(tmp_path, recipe())
    system = SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx"), device="cpu"))
    with pytest.raises(InputError, match="trained for 6 microphones of 'glasses_6mic'"):
        system.step(window(channels=4))
    with pytest.raises(InputError, match=r"a window of 0\.200 s, 'tiny' takes 0\.350 s"):
        system.step(window(seconds=0.2))
    with pytest.raises(InputError, match=r"no weights at .*none\.onnx"):
        SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "none.onnx")))
    write(tmp_path, recipe(), system="dsw_audio")
    with pytest.raises(InputError, match="weights of 'dsw_audio', not of 'asl_unet'"):
        SpeakerUNetSystem(SpeakerUNetSettings(weights=str(tmp_path / "tiny.onnx")))


def test_the_shipped_weights_say_what_they_are():
    system = SpeakerUNetSystem(SpeakerUNetSettings(device="cpu"))
    assert SHIPPED in shipped_weights() and system.facts["weights"] == SHIPPED
    assert 0 < system.threshold < 1 and 0 < system.wearer_threshold < 1
    assert system.network.ear_filters and system.network.direction_filters  # it has both ears
    assert system.window_s == pytest.approx(0.35) and system.lead_s == pytest.approx(0.15)
