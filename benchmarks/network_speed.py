"""Milliseconds per frame of the networks of diff_track and asl_unet, onnxruntime on one thread.

usage: python benchmarks/network_speed.py [--runs 100]

Untrained weights: the time does not depend on them. asl_unet has one frame of 50 ms per run, also as a robot runs it with
the shipped weights (a 640 x 360 picture and its sound in, a mask and a grid out) on one and on two threads; the localizer
runs on one second of features (10 label frames). CPU milliseconds are those that the process really used, so that they
hold on a busy machine, too; wall milliseconds are the fastest and the median run.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from avloc_ros.config import flatten, from_mapping, shipped_folder
from avloc_ros.features.inputs.asl_unet_audio import segment_features
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.parameter_file import load_parameters
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.systems.asl_unet import SpeakerUNetSettings, SpeakerUNetSystem
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.diff_track.localizer import LocalizerRecipe
from avloc_ros.training.network_export import export_localizer, export_speaker_unet
from avloc_ros.types import AudioWindow, VideoFrame


def recipe_of(kind: type, name: str):
    """A shipped recipe."""
    content = load_parameters(shipped_folder() / "config" / "train" / f"{name}.yaml")
    content.pop("recipe")
    return from_mapping(kind, flatten(content))


def timed(what: str, call, runs: int) -> None:
    """Print the times of a call."""
    for _ in range(3):
        call()
    walls, cpu = [], time.process_time()
    for _ in range(runs):
        start = time.perf_counter()
        call()
        walls.append(1e3 * (time.perf_counter() - start))
    cpu_ms = 1e3 * (time.process_time() - cpu) / runs
    print(f"{what:<34} CPU {cpu_ms:7.2f} ms   wall: fastest {min(walls):7.2f}, median {np.median(walls):7.2f} ms")


def live_step(threads: int, rng: np.random.Generator) -> Callable[[], object]:
    """One moment after the other of the streaming system with the shipped weights."""
    system = SpeakerUNetSystem(SpeakerUNetSettings(device="cpu", threads=threads))
    image = rng.integers(0, 255, (360, 640, 3)).astype(np.uint8)
    samples = rng.normal(0, 0.1, (system.audio.window_samples, system.audio.microphones)).astype(np.float32)
    lead_ns, stamps = round(system.lead_s * 1e9), itertools.count(10**9, 50_000_000)

    def step() -> object:
        stamp_ns = next(stamps)
        system.see(VideoFrame(stamp_ns, image))
        return system.step(AudioWindow(stamp_ns - lead_ns, samples, system.audio.sample_rate_hz))

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    unet, localizer = recipe_of(SpeakerUNetRecipe, "asl_unet_small"), recipe_of(LocalizerRecipe, "diff_track_localizer_small")
    window = rng.normal(0, 0.1, (unet.audio.window_samples, unet.audio.microphones)).astype(np.float32)
    timed("asl_unet_small: sound features", lambda: segment_features(window, unet.audio), runs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        network = SpeakerUNet(unet.network)
        export_speaker_unet(network, path, *unet.audio.shape[1:])
        engine, n = OnnxEngine(path, "cpu"), unet.network
        inputs = {
            "pictures": rng.normal(size=(1, n.pictures, n.colours, n.rows, n.cols)).astype(np.float32),
            "sound": segment_features(window, unet.audio)[None],
        }
        timed("asl_unet_small: network", lambda: engine.run(inputs), runs)
        for threads in (1, 2):
            timed(f"asl_unet live, {threads} threads", live_step(threads, rng), runs)
        export_localizer(LocalizerNetwork(localizer.network), path)
        engine = OnnxEngine(path, "cpu")
        features = rng.normal(size=(1, localizer.network.feature_channels, 50, localizer.network.bands)).astype(np.float32)
        timed("diff_track_localizer_small: 1 s", lambda: engine.run({"features": features}), runs)


if __name__ == "__main__":
    main()
