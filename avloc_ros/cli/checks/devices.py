"""The GPU, microphones and cameras."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from avloc_ros.cli.checks.finding import Finding, State


def check_gpu() -> list[Finding]:
    """Which processors the networks could run on."""
    from avloc_ros.runtime.telemetry import import_onnxruntime

    providers = import_onnxruntime().get_available_providers()
    gpu = [name for name in providers if name in ("CUDAExecutionProvider", "TensorrtExecutionProvider")]
    if gpu:
        findings = [Finding("onnxruntime gpu", State.OK, ", ".join(gpu))]
    else:
        advice = "fine for live use; for a GPU: pip install 'onnxruntime-gpu[cuda,cudnn]' in place of onnxruntime"
        findings = [Finding("onnxruntime gpu", State.NOTE, f"none: {', '.join(providers)}", advice)]
    if find_spec("torch") is not None:
        import torch

        found = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "torch sees no GPU"
        findings.append(Finding("torch gpu", State.OK if torch.cuda.is_available() else State.NOTE, found))
    return findings


def check_audio() -> list[Finding]:
    """Input devices with two or more channels."""
    if find_spec("sounddevice") is None:
        advice = "for `avloc live --microphone`: pip install sounddevice"
        return [Finding("microphones", State.NOTE, "sounddevice is not installed", advice)]
    try:
        import sounddevice
    except OSError as error:
        return [Finding("microphones", State.NOTE, str(error), "sudo apt-get install libportaudio2")]
    inputs = [device for device in sounddevice.query_devices() if device["max_input_channels"] > 0]
    arrays = [device for device in inputs if device["max_input_channels"] >= 2]
    if arrays:
        found = "; ".join(f"{device['name']} ({device['max_input_channels']} channels)" for device in arrays)
        return [Finding("microphones", State.OK, found)]
    advice = "plug in a microphone array; in a container pass --device /dev/snd"
    return [Finding("microphones", State.NOTE, f"{len(inputs)} inputs, none with two or more channels", advice)]


def check_cameras() -> list[Finding]:
    """Video devices that exist and can be read by this user."""
    import os

    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        advice = "plug in a camera, or use a camera driver node; in a container pass --device /dev/video0"
        return [Finding("cameras", State.NOTE, "no /dev/video*", advice)]
    closed = [device for device in devices if not os.access(device, os.R_OK)]
    if closed:
        advice = "sudo usermod -aG video $USER, then log in again"
        return [Finding("cameras", State.NOTE, f"no permission for {', '.join(map(str, closed))}", advice)]
    return [Finding("cameras", State.OK, ", ".join(map(str, devices)))]
