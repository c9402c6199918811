"""Dry voices in one long tensor, from which many excerpts are cut at once: speech that follows given activity, and babble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avloc_ros.simulation.sound.clean_speech import active_blocks, active_rms
from avloc_ros.simulation.sound.mu_law import from_mu_law, to_mu_law
from avloc_ros.types import InputError

RATE_HZ, FPS = 16_000, 20
FRAME, BLOCK = RATE_HZ // FPS, RATE_HZ // 100  # samples of a picture and of a block of voice activity
RAMP_S = 0.01
LOUDEST = 16.0  # the largest sample that 8 bits hold


def pack_voices(files: Sequence[Path], out: Path) -> float:
    """Write speech files as one .npz at RATE_HZ, each at an active RMS of 1, in 8 bits by the mu-law; returns seconds."""
    from avloc_ros.simulation.measured import read_mono

    if not files:
        raise InputError(f"no voices to pack into {out}")
    spoken = [read_mono(path, RATE_HZ) for path in files]
    spoken = [voice[: len(voice) // FRAME * FRAME] for voice in spoken]
    active = np.concatenate([active_blocks(voice, RATE_HZ) for voice in spoken])
    levelled = np.concatenate([voice / active_rms(voice, RATE_HZ) for voice in spoken])
    np.savez_compressed(out, samples=to_mu_law(levelled, LOUDEST), active=active)
    return len(levelled) / RATE_HZ


@dataclass(frozen=True)
class VoiceBank:
    """samples float32 (samples,), an RMS of 1 while somebody speaks; starts (places,): where an excerpt may begin so that
    its picture number `centre` is spoken."""

    samples: Tensor
    starts: Tensor

    @staticmethod
    def read(path: Path, device: torch.device, *, centre: int, pictures: int) -> VoiceBank:
        """What pack_voices wrote, for excerpts of so many pictures. Raises InputError where it is missing."""
        if not path.is_file():
            raise InputError(f"no packed voices at {path}")
        with np.load(path) as content:
            samples, active = content["samples"], content["active"]
        blocks = FRAME // BLOCK
        spoken = np.convolve(active, np.ones(blocks), "valid") >= blocks / 2  # of a picture that begins at each block
        begins = np.arange(len(active) - pictures * blocks)
        starts = begins[spoken[begins + centre * blocks]] * BLOCK
        return VoiceBank(torch.from_numpy(from_mu_law(samples, LOUDEST)).to(device), torch.from_numpy(starts).to(device))

    def speech(self, speaking: Tensor, generator: torch.Generator) -> Tensor:
        """Excerpts (.., samples) that are heard while speaking, bool (.., pictures), and in its centre are spoken."""
        starts = self.starts[torch.randint(len(self.starts), speaking.shape[:-1], generator=generator, device=speaking.device)]
        excerpt = self.samples[starts[..., None] + torch.arange(speaking.shape[-1] * FRAME, device=speaking.device)]
        gate = speaking.float().repeat_interleave(FRAME, -1)
        ramp = round(RAMP_S * RATE_HZ)
        soft = torch.nn.functional.avg_pool1d(gate.flatten(0, -2)[:, None], 2 * ramp + 1, 1, ramp, count_include_pad=False)
        return excerpt * soft[:, 0].view_as(gate)

    def babble(self, shape: tuple[int, ...], voices: int, samples: int, generator: torch.Generator) -> Tensor:
        """Sums (*shape, samples) of so many voices, each at an RMS of 1."""
        starts = torch.randint(len(self.samples) - samples, (*shape, voices), generator=generator, device=self.samples.device)
        heard = self.samples[starts[..., None] + torch.arange(samples, device=self.samples.device)]
        return (heard / heard.square().mean(-1, keepdim=True).sqrt().clamp(min=0.1)).sum(-2)
