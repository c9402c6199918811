"""Fusion with dynamic stream weights, estimated and refined by a trained network (docs/papers.md: dsw)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights
from avloc_ros.systems.flat_fusion import check_same_cells, only_one, weighted_fusion
from avloc_ros.types import InputError, Modality, SpeakerGrid

INPUTS = {"audio", "video", "reliability"}
OUTPUTS = {"probability", "audio_weight", "video_weight"}


class DswFusion:
    """Runs a fusion network on pairs of grids; passes one on where the other is missing.

    refine: the network's refined probability; else exp(y) of Eq. 2 with the network's weights. threshold: below 0 is the
    card's, whose odds are raised by `caution`. Raises InputError where the weights are not those of a fusion network.
    """

    def __init__(
        self,
        weights: Weights,
        refine: bool,
        threshold: float = -1.0,
        device: str = "auto",
        threads: int = 1,
        caution: float = 1.0,
    ) -> None:
        self.weights = weights
        self.refine = refine
        self.threshold = threshold
        if threshold < 0:
            self.threshold = raised(weights.number("threshold" if refine else "threshold_raw"), caution)
        self._engine = OnnxEngine(weights.path, device, threads)
        if set(self._engine.inputs) != INPUTS or set(self._engine.outputs) != OUTPUTS:
            raise InputError(
                f"{weights.path} has inputs {sorted(self._engine.inputs)} and outputs {sorted(self._engine.outputs)}: a "
                f"fusion network has {sorted(INPUTS)} and {sorted(OUTPUTS)}"
            )
        self._engine.warm_up(16)

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._engine,)

    @property
    def facts(self) -> dict[str, str]:
        """What runs, for diagnostics."""
        return {
            "kind": f"{self.weights.card.get('kind', '')}, {'refined' if self.refine else 'not refined'}",
            "weights": f"{self.weights.name} ({str(self.weights.card['sha256'])[:12]})",
            "device": self._engine.device,
            "notes": self._engine.note,
        }

    def step(self, audio: SpeakerGrid | None, video: SpeakerGrid | None) -> SpeakerGrid:
        """The FUSED grid, with its weights per cell, of two grids of one moment; the other one where one is None.

        Raises InputError where both are missing, where layouts or stamps differ, and on a size that the network was not
        made for.
        """
        if audio is None or video is None:
            return only_one(audio, video)
        check_same_cells(audio, video)
        self._check_size(audio.layout.shape)
        found = self._engine.run(
            {
                "audio": audio.probability[None].astype(np.float32),
                "video": video.probability[None].astype(np.float32),
                "reliability": reliability_maps(audio, video)[None],
            }
        )
        audio_weight, video_weight = found["audio_weight"][0], found["video_weight"][0]
        if self.refine:
            probability = found["probability"][0]
        else:
            probability = weighted_fusion(audio.probability, video.probability, audio_weight, video_weight)
        return replace(
            video,
            modality=Modality.FUSED,
            probability=probability,
            threshold=self.threshold,
            system=self.weights.name,
            window_s=audio.window_s,
            audio_weight=audio_weight,
            video_weight=video_weight,
        )

    def reset(self) -> None:
        """The network remembers nothing."""

    def _check_size(self, shape: tuple[int, int]) -> None:
        wanted = self._engine.inputs["audio"][1:]
        if any(size not in (None, given) for size, given in zip(wanted, shape, strict=True)):
            raise InputError(
                f"'{self.weights.name}' was made for a grid of {wanted[0]} x {wanted[1]} cells, the grids have "
                f"{shape[0]} x {shape[1]}: set rows and cols of both trackers to that, or train for this size"
            )


def raised(threshold: float, odds: float) -> float:
    """A probability whose odds are those of `threshold` times `odds`."""
    return threshold * odds / (threshold * odds + 1 - threshold)


def reliability_maps(audio: SpeakerGrid, video: SpeakerGrid) -> np.ndarray:
    """float32 (2, rows, cols): visibility of each cell, and the probability of a voice; 1 where it is not known."""
    visibility = 1.0 if video.video_weight is None else video.video_weight
    voice = 1.0 if audio.audio_weight is None else audio.audio_weight
    maps: np.ndarray = np.empty((2, *audio.layout.shape), np.float32)
    maps[0], maps[1] = visibility, voice
    return maps
