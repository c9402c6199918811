"""Trains the voice network (avloc_ros/features/spectra/voice_network.py) on the parts of the data kit; two minutes on one core.

usage: AVLOC_DATA=DIR python benchmarks/train_voice_network.py [--out FILE.npz] [--examples 3200] [--epochs 28] [--seed 0]

Talkers and sound events are split by talker and by source recording: three quarters train, one quarter validates.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import fftconvolve, resample_poly

from avloc_ros.features.spectra.mel import mel_filters
from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.features.spectra.voice_activity import Voicing
from avloc_ros.features.spectra.voice_network import BANDS, FRAME_S, HOP_S, BandLevels

RATE_HZ = 16000
LENGTH_S = 4.0
HIDDEN = 48
EARLY_S = 0.03  # reflections up to here help the localisation; later ones come from everywhere


class Kit:
    """Sounds and room responses of one part of the split."""

    def __init__(self, root: Path, validation: bool) -> None:
        self.talkers = _part(
            sorted(root.glob("speech/libri_*/*.flac")), validation, lambda f: f.name.split("-")[0]
        )
        events = [*sorted(root.glob("events/esc10/*/*.ogg")), *sorted(root.glob("music/*.ogg"))]
        self.events = _part(events, validation, lambda f: f.stem.rsplit("-", 1)[0])
        self.rooms = [
            soundfile.read(f, dtype="float32")[0] for f in sorted(root.glob("rir/r3vival_16k/*.flac"))
        ]
        self._cache: dict[Path, np.ndarray] = {}

    def sound(self, files: list[Path], random: np.random.Generator) -> np.ndarray:
        """LENGTH_S of a random file at RATE_HZ, repeated where it is short, with the level of 0.05."""
        path = files[random.integers(len(files))]
        if path not in self._cache:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            divisor = int(np.gcd(rate, RATE_HZ))
            self._cache[path] = resample_poly(samples.mean(1), RATE_HZ // divisor, rate // divisor).astype(
                np.float32
            )
        length = round(LENGTH_S * RATE_HZ)
        samples = self._cache[path]
        start = random.integers(max(1, len(samples) - length))
        samples = (
            np.resize(samples[start:], length) if len(samples) - start < length else samples[start:][:length]
        )
        return samples * (0.05 / max(float(np.sqrt(np.mean(samples**2))), 1e-4))


def _part(files: list[Path], validation: bool, group_of) -> list[Path]:
    groups = sorted({group_of(f) for f in files})
    chosen = {g for i, g in enumerate(groups) if (i % 4 == 3) == validation}
    return [f for f in files if group_of(f) in chosen]


def example(kit: Kit, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features (hops, BANDS + 1) and targets (hops, BANDS + 1) of one mixture."""
    length = round(LENGTH_S * RATE_HZ)
    early, late = np.zeros((2, length), np.float32)
    for _ in range(random.choice(3, p=[0.25, 0.55, 0.2])):  # talkers
        voice = _with_pauses(kit.sound(kit.talkers, random), random) * 10 ** (random.uniform(-6, 6) / 20)
        response = _response(kit, random)
        onset = int(np.argmax(np.abs(response)))
        split = onset + round(EARLY_S * RATE_HZ)
        early += fftconvolve(voice, response[:split])[onset:][:length]
        late += fftconvolve(voice, np.where(np.arange(len(response)) >= split, response, 0))[onset:][:length]
    noise = late.copy()
    if random.random() < 0.75:
        response = _response(kit, random)
        event = fftconvolve(kit.sound(kit.events, random), response)[:length]
        noise += event * 10 ** (-random.uniform(-8, 25) / 20)
    noise += _coloured(length, random) * 0.05 * 10 ** (-random.uniform(0, 60) / 20)
    gain = 10 ** (random.uniform(-35, 5) / 20)
    return _features_and_targets(early * gain, noise * gain, late * gain)


def _with_pauses(voice: np.ndarray, random: np.random.Generator) -> np.ndarray:
    gate = np.ones(len(voice), np.float32)
    for _ in range(random.integers(3)):
        start = random.integers(len(voice))
        gate[start : start + round(random.uniform(0.3, 1.5) * RATE_HZ)] = 0
    return voice * np.convolve(gate, np.hanning(160) / np.hanning(160).sum(), "same")


def _response(kit: Kit, random: np.random.Generator) -> np.ndarray:
    response = kit.rooms[random.integers(len(kit.rooms))]
    response = response[:, random.integers(response.shape[1])]
    tilt = random.uniform(-0.5, 0.5)  # microphones and loudspeakers colour the sound
    response = response + tilt * np.concatenate([[0], response[:-1]])
    return response / np.sqrt(np.sum(response**2))


def _coloured(length: int, random: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(random.normal(size=length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / RATE_HZ), 50)
    noise = np.fft.irfft(spectrum * frequencies ** -random.uniform(0, 1.0), length)
    return noise / np.sqrt(np.mean(noise**2))


def _features_and_targets(
    early: np.ndarray, noise: np.ndarray, late: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    stft = StreamingStft(RATE_HZ, FRAME_S, HOP_S, 7000.0)
    hops = (len(early) - stft.frame_length) // stft.hop_length + 1
    together = np.stack([early + noise, early, noise, early + late], axis=1).astype(np.float32)
    power = np.abs(stft.spectra(together, hops)) ** 2  # (hops, 4, bins)
    mixed, wanted, other, voice = power.transpose(1, 0, 2)
    voicing = Voicing(stft.frequencies_hz, stft.frame_length, stft.fft_length, RATE_HZ)(mixed)
    filters = mel_filters(stft.frequencies_hz, BANDS)
    mask = (wanted @ filters) / (wanted @ filters + other @ filters + 1e-12)  # (hops, BANDS)
    level = 10 * np.log10(wanted.sum(-1) + 1e-12)
    speaking = (level > np.percentile(level, 95) - 30) & (wanted.sum() > 0)
    del voice
    targets = np.concatenate([mask * (wanted.sum() > 0), speaking[:, None]], axis=1)
    return BandLevels(stft.frequencies_hz)(mixed, voicing), targets.astype(np.float32)


def examples(kit: Kit, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Stacked examples (count, hops, BANDS + 1) of features and targets."""
    made = [example(kit, np.random.default_rng([seed, i])) for i in range(count)]
    return torch.tensor(np.stack([m[0] for m in made])), torch.tensor(np.stack([m[1] for m in made]))


class TrainedNetwork(torch.nn.Module):
    """The torch twin of features.spectra.voice_network.VoiceNetwork, with the share of voice per band as a second task."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = torch.nn.GRU(BANDS + 1, HIDDEN, batch_first=True)
        self.output = torch.nn.Linear(HIDDEN, BANDS + 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (batch, hops, BANDS + 1)."""
        return self.output(self.recurrent(features)[0])


def train(network: TrainedNetwork, data: tuple[torch.Tensor, torch.Tensor], held: tuple, epochs: int) -> None:
    """Adam with a cosine schedule; prints validation loss and voice decision accuracy."""
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    steps = epochs * (len(data[0]) // 32)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    loss_of = torch.nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        for batch in torch.randperm(len(data[0]))[: len(data[0]) // 32 * 32].split(32):
            optimiser.zero_grad()
            loss_of(network(data[0][batch]), data[1][batch]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        if epoch % 5 == 4:
            with torch.no_grad():
                logits = network(held[0])
            right = ((logits[..., -1] > 0) == (held[1][..., -1] > 0.5)).float().mean()
            print(
                f"epoch {epoch + 1}: loss {loss_of(logits, held[1]):.4f}, voice decisions right {right:.3f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="avloc_ros/features/spectra/voice_network.npz")
    parser.add_argument("--examples", type=int, default=3200)
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    root = Path(os.environ["AVLOC_DATA"])
    data = examples(Kit(root, validation=False), options.examples, options.seed)
    held = examples(Kit(root, validation=True), options.examples // 8, options.seed + 1000)
    print("examples made", flush=True)
    network = TrainedNetwork()
    train(network, data, held, options.epochs)
    layer = network.recurrent
    named = {
        "input_weight": layer.weight_ih_l0,
        "hidden_weight": layer.weight_hh_l0,
        "input_bias": layer.bias_ih_l0,
        "hidden_bias": layer.bias_hh_l0,
        "output_weight": network.output.weight[-1:],  # the bands were only there to teach
        "output_bias": network.output.bias[-1:],
    }
    np.savez_compressed(options.out, **{k: v.detach().numpy().astype(np.float16) for k, v in named.items()})
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
