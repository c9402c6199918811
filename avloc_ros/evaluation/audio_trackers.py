"""The audio trackers that an evaluation can listen with: how each is opened, and on what its output depends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from avloc_ros.config import to_mapping
from avloc_ros.evaluation.inputs import EvaluationInput
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.systems.srp import AudioGrids, SrpTracker
from avloc_ros.types import AudioWindow, InputError


class AudioTracker(Protocol):
    """Sound of one frame in, grids of one moment out; causal but for the look-ahead of its kind."""

    def step(self, window: AudioWindow) -> AudioGrids | None:
        """Grids of the window (frames, channels); with look-ahead those of an earlier one, by its stamp, None at first."""
        ...


@dataclass(frozen=True)
class AudioTrackerKind:
    """One way to hear.

    open: makes a tracker for a recording. module: the front door whose code, with all that it imports, decides the
    output. settings, weights: what else decides it (a mapping, and files). look_ahead_s: how much later than the
    frame's end the answer comes, beyond computing.
    """

    open: Callable[[LocalizerConfig, EvaluationInput], AudioTracker]
    module: str
    settings: Callable[[LocalizerConfig], dict[str, Any]]
    weights: Callable[[LocalizerConfig], list[Path]]
    look_ahead_s: float = 0.0


def _open_srp(config: LocalizerConfig, item: EvaluationInput) -> AudioTracker:
    return SrpTracker(config.srp, item.array, item.camera, item.sample_rate_hz)


def _srp_weights(config: LocalizerConfig) -> list[Path]:
    return [Path(config.srp.voice_model)] if config.srp.voice_model else []


AUDIO_TRACKERS: dict[str, AudioTrackerKind] = {
    "srp": AudioTrackerKind(
        _open_srp, "avloc_ros.systems.srp", lambda config: to_mapping(config.srp), _srp_weights
    ),
}


def audio_tracker_kind(name: str) -> AudioTrackerKind:
    """The kind of that name. Raises InputError where there is none."""
    if name not in AUDIO_TRACKERS:
        raise InputError(f"no audio tracker '{name}', there are: {', '.join(AUDIO_TRACKERS)}")
    return AUDIO_TRACKERS[name]
