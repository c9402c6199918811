"""Flat fusion of an audio and a video grid (docs/papers.md: dsw, Eq. 1), and the weighted form that it is a case of (Eq. 2)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avloc_ros.types import PROBABILITY_FLOOR, InputError, Modality, SpeakerGrid

NAME = "flat"
THRESHOLD = 0.2  # of the fused probability, chosen on validation scenes


class FlatFusion:
    """Multiplies what the ear and the eye say about each cell; passes one on where the other is missing."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self.threshold = threshold

    def step(self, audio: SpeakerGrid | None, video: SpeakerGrid | None) -> SpeakerGrid:
        """The FUSED grid of two grids of one moment and one layout; the other grid, unchanged, where one is None.

        Raises InputError where both are missing, or where their layouts or stamps differ.
        """
        if audio is None or video is None:
            return only_one(audio, video)
        check_same_cells(audio, video)
        weight = np.float32(1.0)
        return replace(
            video,
            modality=Modality.FUSED,
            probability=weighted_fusion(audio.probability, video.probability, weight, weight),
            threshold=self.threshold,
            system=NAME,
            window_s=audio.window_s,
            audio_weight=np.asarray(weight),
            video_weight=np.asarray(weight),
        )

    def reset(self) -> None:
        """Flat fusion remembers nothing."""

    @property
    def facts(self) -> dict[str, str]:
        """What runs, for diagnostics."""
        return {"kind": NAME, "weights": "none: Eq. 1"}


def weighted_fusion(
    audio: np.ndarray,
    video: np.ndarray,
    audio_weight: np.ndarray | float,
    video_weight: np.ndarray | float,
) -> np.ndarray:
    """exp(LA log zA + LV log zV) per cell, float32 (rows, cols): Eq. 2; with both weights 1 it is Eq. 1.

    Weights are scalars or (rows, cols). Probabilities below the floor, and NaN, count as the floor (docs/papers.md: dsw).
    """
    score = audio_weight * floored_log(audio) + video_weight * floored_log(video)  # (rows, cols)
    return np.exp(score).astype(np.float32)


def floored_log(probability: np.ndarray) -> np.ndarray:
    """log max(z, 1e-6), with NaN as 1e-6."""
    finite = np.nan_to_num(np.asarray(probability, float), nan=PROBABILITY_FLOOR)
    return np.log(np.maximum(finite, PROBABILITY_FLOOR))


def only_one(audio: SpeakerGrid | None, video: SpeakerGrid | None) -> SpeakerGrid:
    """The grid that is there, unchanged. Raises InputError where both are missing."""
    one = video if audio is None else audio
    if one is None:
        raise InputError("nothing to fuse: neither an audio grid nor a video grid was given")
    return one


def check_same_cells(audio: SpeakerGrid, video: SpeakerGrid) -> None:
    """Raises InputError where two grids are not of one moment and one layout."""
    if audio.stamp_ns != video.stamp_ns:
        raise InputError(f"grids of different moments: audio {audio.stamp_ns} ns, video {video.stamp_ns} ns")
    a, v = audio.layout, video.layout
    steps = np.array([[a.u_min, a.u_step, a.v_min, a.v_step], [v.u_min, v.u_step, v.v_min, v.v_step]])
    same = (
        a.projection == v.projection
        and a.shape == v.shape
        and np.allclose(steps[0], steps[1], rtol=1e-4, atol=1e-3)
    )
    if not same:
        raise InputError(
            f"audio grid {a.shape} with cells of {a.u_step:g} x {a.v_step:g} and video grid {v.shape} with cells of "
            f"{v.u_step:g} x {v.v_step:g} do not match: give both nodes the same camera, and visual_detector's rows and "
            "cols the values of audio_tracker's srp.image_rows and srp.image_cols"
        )
