"""A bank of simulated rooms on a device: the rooms of room_bank, made there in milliseconds, ready to be mixed with.

Of an array of more microphones a drawn part is kept, so that all rooms of a batch have as many channels; missing ones are
silent.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.mixtures.room_bank import (
    RATE_HZ,
    SOUNDS,
    TAIL_DIRECTIONS,
    TAPS,
    VOICES,
    RoomPlan,
    generator_of,
    plan_room,
    tail_directions,
    tail_level_span,
)
from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS, MicrophoneArray
from avloc_ros.simulation.sound.shoebox_tensors import image_responses, shoeboxes_of

MOST_CHANNELS = 6
PLACES = VOICES + SOUNDS
BEFORE_PEAK = 20  # samples of a response that are kept before its highest peak


class RoomTensors:
    """Rooms of one seed, added one by one up to a capacity.

    responses: float16 (rooms, PLACES, MOST_CHANNELS, TAPS), on the device, the sum of squares of channel 0 being 1.
    On the CPU, per room: directions (rooms, PLACES, 3), positions_m (rooms, MOST_CHANNELS, 3) as the geometry says,
    channels (rooms,), how many of them count.
    """

    def __init__(self, capacity: int, seed: int, shipped: list[MicrophoneArray], device: torch.device) -> None:
        self.capacity, self.seed, self.shipped, self.count = capacity, seed, shipped, 0
        self.responses = torch.zeros(capacity, PLACES, MOST_CHANNELS, TAPS, dtype=torch.float16, device=device)
        self.directions = np.zeros((capacity, PLACES, 3), np.float32)
        self.positions_m = np.zeros((capacity, MOST_CHANNELS, 3), np.float32)
        self.channels = np.zeros(capacity, np.int64)
        self._noise = torch.Generator(device).manual_seed(seed)

    @property
    def device(self) -> torch.device:
        return self.responses.device

    @property
    def full(self) -> bool:
        return self.count >= self.capacity

    def add(self) -> None:
        """Draw one more room, the same as room_bank's of this number but for the noise of its tail."""
        rng = generator_of(self.seed, self.count)
        plan = plan_room(rng, self.shipped)
        kept = np.sort(rng.permutation(plan.array.channels)[:MOST_CHANNELS])
        microphones_m = plan.microphones_m[kept]
        responses = self._with_tail(rng, plan, microphones_m)
        self.responses[self.count, :, : len(kept)] = trimmed(responses).half()
        self.directions[self.count] = plan.directions
        self.positions_m[self.count, : len(kept)] = plan.array.positions_m[kept]
        self.channels[self.count] = len(kept)
        self.count += 1

    def _with_tail(self, rng: np.random.Generator, plan: RoomPlan, microphones_m: np.ndarray) -> Tensor:
        """(PLACES, channels, TAPS): image sources and, where they end before that, a diffuse tail."""
        room, sources_m = shoeboxes_of([plan.room], self.device), self._own(plan.places_m)[None]
        early = image_responses(room, sources_m, self._own(microphones_m)[None], RATE_HZ, TAPS)[0]
        if plan.traced_samples >= TAPS - 200:
            return early
        level = early[..., tail_level_span(plan)].square().mean((1, 2), keepdim=True).sqrt()
        fall, rise = (self._own(gain) for gain in plan.crossfade())
        return early * fall + self._diffuse(rng, microphones_m, plan.lowpass) * (level * rise)

    def _diffuse(self, rng: np.random.Generator, microphones_m: np.ndarray, lowpass: float) -> Tensor:
        """Stationary diffuse noise of unit power (PLACES, channels, TAPS), of its own for each place."""
        white = torch.randn(PLACES, TAIL_DIRECTIONS, TAPS, generator=self._noise, device=self.device)
        turn = torch.arange(TAPS // 2 + 1, device=self.device) * (-2 * np.pi / TAPS)  # radians per sample of delay
        spectra = torch.fft.rfft(white) / (1 - lowpass * torch.polar(torch.ones_like(turn), turn))
        lead = self._own(microphones_m @ tail_directions(rng).T * (RATE_HZ / SPEED_OF_SOUND_MPS))  # (channels, directions)
        phase = -turn * lead[..., None]
        heard = torch.einsum("pdk,cdk->pck", spectra, torch.polar(torch.ones_like(phase), phase))
        samples = torch.fft.irfft(heard, TAPS)
        return samples / samples.square().mean((1, 2), keepdim=True).sqrt()

    def _own(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(values, np.float32), device=self.device)


def trimmed(responses: Tensor) -> Tensor:
    """Responses (places, channels, taps) from just before the peak of channel 0 on, of sum of squares 1 there."""
    taps = responses.shape[-1]
    onset = (responses[:, 0].abs().argmax(-1) - BEFORE_PEAK).clamp(min=0)
    index = torch.arange(taps, device=responses.device) + onset[:, None]  # (places, taps)
    inside = (index < taps)[:, None]
    moved = responses.gather(2, index.clamp(max=taps - 1)[:, None].expand_as(responses)) * inside
    return moved / (moved[:, :1].square().sum(-1, keepdim=True) + 1e-12).sqrt()
