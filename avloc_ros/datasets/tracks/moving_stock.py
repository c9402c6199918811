"""Sources on the move simulated while a network trains, on its own device: rooms come and go, pairs are ever new.

The scenes are those of simulation/sound/moving_sources.py; only their number is not bound to what a disk holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import setting
from avloc_ros.datasets.events.channel_swap import ALL_SWAPS
from avloc_ros.datasets.mixtures.dry_speech import DrySpeech
from avloc_ros.datasets.tracks.batched_direction_features import BatchedDirectionFeatures
from avloc_ros.datasets.tracks.tracked_segments import FIRST_INTENSITY, YZX, TrackedSegmentsConfig
from avloc_ros.features.inputs.direction_features import FOA_FEATURES
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.sound.moving_sound_tensors import heard_along_batch
from avloc_ros.simulation.sound.moving_sources import draw_path, draw_room_of
from avloc_ros.types import InputError

RESPONSE_S = 0.16  # of a room; what comes later is cut off: six reflections are over by then in most rooms
SCALE = 8.0  # keeps quiet sources above the smallest numbers of float16

Batch = tuple[Tensor, Tensor, Tensor]  # features, directions, active


@dataclass(frozen=True)
class MovingStockConfig:
    """How much is kept, and how fast it is renewed."""

    rooms: int = setting(96, "rooms kept per array; the oldest goes when a new one comes", low=1, high=10_000)
    first_rooms: int = setting(12, "rooms per array before the first step", low=1, high=10_000)
    sources: int = setting(6, "sources per room, which its segments share in ever new company", low=2, high=1000)
    steps_per_room: int = setting(3, "training steps from one new room to the next", low=1)


class ArrayStock:
    """Rooms heard by one array. sound float16 (rooms, sources, mics, samples) times SCALE; beside it who is where and when."""

    def __init__(
        self, array: MicrophoneArray, data: TrackedSegmentsConfig, config: MovingStockConfig, device: torch.device
    ) -> None:
        scene, shape = data.sources, (config.rooms, config.sources)
        self.microphones_m = torch.from_numpy(array.positions_m).float().to(device)
        samples, frames = round(scene.seconds * scene.sample_rate_hz), scene.label_frames
        self.sound = torch.zeros(*shape, len(self.microphones_m), samples, dtype=torch.float16, device=device)
        self.directions = torch.zeros(*shape, frames, 3, device=device)
        self.active = torch.zeros(*shape, frames, dtype=torch.bool, device=device)
        self.features = BatchedDirectionFeatures(data.features, data.load_encoder(array)).to(device)
        self.drawn = 0

    @property
    def filled(self) -> int:
        """Rooms that there are to choose from."""
        return min(self.drawn, len(self.sound))

    def put(self, sound: Tensor, directions: Tensor, active: Tensor) -> None:
        """Keep a room: (sources, mics, samples), (sources, frames, 3), (sources, frames)."""
        place = self.drawn % len(self.sound)
        self.sound[place] = (sound * SCALE).half()
        self.directions[place], self.active[place] = directions, active
        self.drawn += 1


class MovingStock:
    """Draws batches of mixed, noisy, turned segments, and a new room now and then; the same seed gives the same batches."""

    def __init__(
        self,
        data: TrackedSegmentsConfig,
        speech: DrySpeech,
        config: MovingStockConfig,
        seed: int,
        device: torch.device,
    ) -> None:
        scene = data.sources
        if data.features.kind != "foa":
            raise InputError("a stock of moving sources turns its scenes, which needs features.kind: foa")
        if speech.steps.shape[1] != round(scene.seconds * scene.sample_rate_hz):
            raise InputError(
                f"dry speech of {speech.steps.shape[1]} samples per clip, need {scene.seconds * scene.sample_rate_hz:g}"
            )
        self.data, self.config, self.seed, self.device = data, config, seed, device
        self.rng = np.random.default_rng([data.seed, 131, seed])
        self.generator = torch.Generator(device).manual_seed(seed)
        self.speech = torch.from_numpy(speech.samples()).half().to(device)  # (clips, samples)
        self.spoken = torch.from_numpy(speech.active).to(device)
        self.stocks = [ArrayStock(array, data, config, device) for array in data.load_arrays()]
        self.turns = Turns(device)
        self.steps = 0
        for _ in range(config.first_rooms * len(self.stocks)):
            self.add_room()

    @torch.no_grad()
    def add_room(self) -> None:
        """Simulate a room that was not there before, heard by the arrays in turn."""
        scene, number = self.data.sources, int(self.rng.integers(1 << 40))
        room = draw_room_of(scene, "train", number, self.data.seed)
        stock = min(self.stocks, key=lambda one: one.drawn)
        paths = np.stack([draw_path(self.rng, scene, room) for _ in range(self.config.sources)])
        middle = (paths[:, :-1] + paths[:, 1:]) / 2
        dry, spoken = self._dry()
        rate = scene.sample_rate_hz
        heard = heard_along_batch(
            dry,
            torch.from_numpy(paths).float().to(self.device),
            room,
            stock.microphones_m,
            rate,
            round(scene.label_hop_s * rate),
            round(RESPONSE_S * rate),
        )
        directions = middle / np.linalg.norm(middle, axis=-1, keepdims=True)
        stock.put(heard, torch.from_numpy(directions).float().to(self.device), spoken)

    @torch.no_grad()
    def batch(self, size: int) -> Batch:
        """features (size, 7, feature frames, bands), directions (size, frames, sources, 3), active (size, frames, sources)."""
        if self.steps % self.config.steps_per_room == 0:
            self.add_room()
        self.steps += 1
        parts = []
        for number, stock in enumerate(self.stocks):
            share = size // len(self.stocks) + (number < size % len(self.stocks))
            if share:
                parts.append(self._mixed(stock, share))
        features, directions, active = (torch.cat(part) for part in zip(*parts, strict=True))
        return *self.turns(features, directions, self.generator), active

    def _dry(self) -> tuple[Tensor, Tensor]:
        """Clips, each begun somewhere else: float32 (sources, samples), bool (sources, frames)."""
        hop = round(self.data.sources.label_hop_s * self.data.sources.sample_rate_hz)
        dry, spoken = [], []
        for _ in range(self.config.sources):
            clip, frames = int(self.rng.integers(len(self.speech))), int(self.rng.integers(self.spoken.shape[1]))
            dry.append(self.speech[clip].roll(frames * hop))
            spoken.append(self.spoken[clip].roll(frames))
        return torch.stack(dry).float(), torch.stack(spoken)

    def _mixed(self, stock: ArrayStock, size: int) -> Batch:
        """As moving_sources.mixed, one segment beside the other, then the features of it."""
        scene = self.data.sources
        room = self._whole(stock.filled, (size,))
        order = self._uniform((size, self.config.sources)).argsort(dim=1)[:, : scene.sources]  # no source twice
        sound = stock.sound[room[:, None], order].float().sum(dim=1) / SCALE  # (size, mics, samples)
        snr_db = self._between(scene.lowest_snr_db, scene.highest_snr_db, (size, 1, 1))
        deviation = (sound.square().mean(dim=(1, 2), keepdim=True) * 10 ** (-snr_db / 10)).sqrt()
        sound = sound + deviation * torch.randn(sound.shape, generator=self.generator, device=self.device)
        low, high = np.log(scene.quietest_peak), np.log(scene.loudest_peak)
        peak = self._between(float(low), float(high), (size, 1, 1)).exp()
        sound = sound * (peak / (sound.abs().amax(dim=(1, 2), keepdim=True) + 1e-12))
        directions = stock.directions[room[:, None], order].transpose(1, 2)
        return stock.features(sound), directions, stock.active[room[:, None], order].transpose(1, 2)

    def _uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device)

    def _between(self, low: float, high: float, shape: tuple[int, ...]) -> Tensor:
        return low + (high - low) * self._uniform(shape)

    def _whole(self, end: int, shape: tuple[int, ...]) -> Tensor:
        return torch.randint(end, shape, generator=self.generator, device=self.device)


class Turns:
    """The 16 ways to turn and mirror a scene, as tables: each segment of a batch in one of its own."""

    def __init__(self, device: torch.device) -> None:
        matrices = np.stack([swap.matrix() for swap in ALL_SWAPS]).astype(np.float32)  # (16, 3, 3)
        source, sign = np.abs(matrices).argmax(axis=2), matrices.sum(axis=2)
        channels = [[0, *(1 + YZX.index(own[axis]) for axis in YZX), *(FIRST_INTENSITY + own)] for own in source]
        signs = np.concatenate([np.ones((len(sign), FIRST_INTENSITY)), sign], axis=1)
        self.channels = torch.tensor(np.array(channels), device=device)  # (16, 7)
        self.signs = torch.tensor(signs, dtype=torch.float32, device=device)
        self.matrices = torch.from_numpy(matrices).to(device)

    def __call__(
        self, features: Tensor, directions: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """features (batch, 7, feature frames, bands) and directions (batch, frames, sources, 3) of the turned scenes."""
        way = torch.randint(len(self.matrices), (len(features),), generator=generator, device=features.device)
        return self.turned(features, directions, way)

    def turned(self, features: Tensor, directions: Tensor, way: Tensor) -> tuple[Tensor, Tensor]:
        """The same with the ways (batch,) given."""
        index = self.channels[way][:, :, None, None].expand(-1, FOA_FEATURES, *features.shape[2:])
        swapped = features.gather(1, index) * self.signs[way][:, :, None, None]
        return swapped, torch.einsum("nij,nfsj->nfsi", self.matrices[way], directions)
