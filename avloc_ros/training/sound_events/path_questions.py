"""Questions for models.sound_events.direction_query as a system asks them: along its paths through the scenes of a bank.

Drawn questions (query_draws) are cleaner: a path wanders, begins late, and stands beside an event more often than on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from avloc_ros.datasets.events.event_chunks import SWAPS, ChunkConfig
from avloc_ros.sources.event_bank import FULL_SCALE, EventBank
from avloc_ros.systems.asked_paths import AskedNetwork
from avloc_ros.training.sound_events.bank_batches import Batch, BatchedSwaps
from avloc_ros.training.sound_events.query_draws import answers

HEARD_DEG, UNHEARD_DEG = 19.0, 24.0  # as a told event is scored: right within 20 degrees
KNOWN = 0.3  # chunks whose answers are all nearer to the truth than this are heard only
KNOWN_SHARE = 0.4  # as often
LEAST_CHANCE = 0.1  # of a path whose answers are right, beside 1 of one that is all wrong


@dataclass(frozen=True)
class PathQuestions:
    """Chunks of a bank with what was asked of each: scenes and firsts (chunks,), directions float32 (chunks, paths, frames, 3),
    zeros where there was no path, rivals float32 (chunks, paths, frames), probability float16 (chunks, paths, frames, classes).
    """

    scenes: np.ndarray
    firsts: np.ndarray
    directions: np.ndarray
    rivals: np.ndarray
    probability: np.ndarray

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **vars(self))

    @staticmethod
    def load(path: Path) -> PathQuestions:
        with np.load(path) as arrays:
            return PathQuestions(**{name: arrays[name] for name in arrays.files})


def asked_of_bank(bank: EventBank, networks: Sequence[AskedNetwork]) -> PathQuestions:
    """What systems ask of the chunks side by side of a bank, and what they are answered."""
    found: list[tuple[int, int, tuple[np.ndarray, np.ndarray, np.ndarray]]] = []
    for network in networks:
        for scene in bank.shape.kept:
            for first in range(0, bank.shape.frames - network.frames + 1, network.frames):
                whole = np.asarray(bank.samples[scene, first : first + network.frames])
                samples = whole.reshape(-1, 4) / np.float32(FULL_SCALE)
                found.append((scene, first, network.answers(samples, None, network.frames)))
    most = max(len(asked[0]) for _, _, asked in found)

    def filled(part: int) -> np.ndarray:
        rows = [asked[part] for _, _, asked in found]
        return np.stack([np.pad(row, [(0, most - len(row))] + [(0, 0)] * (row.ndim - 1)) for row in rows])

    logits = filled(2).astype(np.float32)
    probability = (1.0 / (1.0 + np.exp(-logits))).astype(np.float16)
    scenes, firsts = (np.array([row[place] for row in found]) for place in (0, 1))
    return PathQuestions(scenes, firsts, filled(0), filled(1), probability)


class PathBatches:
    """Batches of training.sound_events.query_draws.drawn_questions from what was asked, the hard questions more often."""

    def __init__(self, bank: EventBank, asked: PathQuestions, classes: int, config: ChunkConfig) -> None:
        self.bank, self.asked, self.classes, self.config = bank, asked, classes, config
        swaps = SWAPS[config.swaps]
        self.swaps = BatchedSwaps(swaps, torch.device("cpu")) if swaps else None
        self.heard, self.counts = self._answers()
        wrong = np.abs(self.heard - asked.probability.astype(np.float32)) * self.counts
        there = np.any(asked.directions, (2, 3))  # (chunks, paths)
        self.wrong = np.where(there, wrong.max((2, 3)), 0.0)
        self.chances = np.where(there, LEAST_CHANCE + self.wrong, 0.0)

    def training(self, batch_size: int, questions: int, seed: int) -> Iterator[Batch]:
        """Without an end: turned and mirrored, made louder or softer."""
        random, chance = np.random.default_rng([seed, 79]), torch.Generator().manual_seed(seed)
        usable = np.flatnonzero(self.chances.sum(1) > 0)
        order = np.zeros(0, int)
        while True:
            rows: list[tuple[int, np.ndarray]] = []
            while len(rows) < batch_size:
                if not len(order):
                    order = random.permutation(usable)
                row, order = int(order[0]), order[1:]
                if self.wrong[row].max() < KNOWN and random.random() > KNOWN_SHARE:
                    continue
                chances = self.chances[row] / self.chances[row].sum()
                few = bool(np.count_nonzero(chances) < questions)
                rows.append((row, random.choice(len(chances), questions, replace=few, p=chances)))
            yield self._batch(rows, random, chance)

    def _batch(
        self, rows: list[tuple[int, np.ndarray]], random: np.random.Generator, chance: torch.Generator
    ) -> Batch:
        frames, asked = self.asked.directions.shape[2], self.asked
        heard = [
            self.bank.samples[asked.scenes[row], asked.firsts[row] :][:frames].reshape(-1, 4).T
            for row, _ in rows
        ]
        low, high = self.config.lowest_gain, self.config.highest_gain
        gains = random.uniform(low, high, (len(rows), 1, 1)).astype(np.float32)

        def chosen(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.stack([values[row][paths] for row, paths in rows]))

        batch = {
            "samples": torch.from_numpy(np.stack(heard) * (gains / np.float32(FULL_SCALE))),
            "directions": chosen(asked.directions).transpose(1, 2),  # as of events: (batch, frames, slots, 3)
        }
        if self.swaps is not None:
            batch = self.swaps(batch, torch.randint(self.swaps.count + 1, (len(rows),), generator=chance))
        return {
            "samples": batch["samples"],
            "asked": batch["directions"].transpose(1, 2).contiguous(),
            "rivals": chosen(asked.rivals),
            "heard": chosen(self.heard),
            "counts": chosen(self.counts),
        }

    def _answers(self) -> tuple[np.ndarray, np.ndarray]:
        """heard and counts, float32 (chunks, paths, frames, classes)."""
        asked, frames = self.asked, self.asked.directions.shape[2]
        places = zip(asked.scenes, asked.firsts, strict=True)
        truth = np.stack([self.bank.truth[scene, first : first + frames] for scene, first in places])
        true = {
            "directions": torch.from_numpy(np.ascontiguousarray(truth["direction"])),
            "classes": torch.from_numpy(truth["class"].astype(np.int64)),
        }
        heard, counts = answers(
            torch.from_numpy(asked.directions), true, self.classes, HEARD_DEG, UNHEARD_DEG
        )
        return heard.numpy(), counts.numpy()
