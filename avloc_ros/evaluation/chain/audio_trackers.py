"""The audio trackers that an evaluation can listen with: how each is opened, and on what its output depends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avloc_ros.config import to_mapping
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.runtime.any_array_network import any_array_weights
from avloc_ros.runtime.diff_track_network import live_weights
from avloc_ros.runtime.mixture_network import mixture_weights
from avloc_ros.runtime.weights import find_weights
from avloc_ros.systems.audio_grids import AudioTracker
from avloc_ros.systems.dsw_audio import SYSTEM
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError


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


def _opened_as(kind: str) -> Callable[[LocalizerConfig, EvaluationInput], AudioTracker]:
    def opened(config: LocalizerConfig, item: EvaluationInput) -> AudioTracker:
        return replace(config, audio_tracker=kind).open_ear(item.array, item.camera, item.sample_rate_hz)

    return opened


def _settings(*names: str) -> Callable[[LocalizerConfig], dict[str, Any]]:
    return lambda config: {name: to_mapping(getattr(config, name)) for name in names}


def _srp_weights(config: LocalizerConfig) -> list[Path]:
    return [Path(config.srp.voice_model)] if config.srp.voice_model else []


def _any_array_weights(config: LocalizerConfig) -> list[Path]:
    return [weights.path for weights in any_array_weights(config.any_array.weights)]


def _mixture_weights(config: LocalizerConfig) -> list[Path]:
    return [*_any_array_weights(config), mixture_weights(config.mixture.weights).path]


def _blend_weights(config: LocalizerConfig) -> list[Path]:
    return _mixture_weights(config) + _srp_weights(config)


AUDIO_TRACKERS: dict[str, AudioTrackerKind] = {
    "blend": AudioTrackerKind(
        _opened_as("blend"), "avloc_ros.systems.blend", _settings("blend", "mixture", "any_array", "srp"), _blend_weights
    ),
    "mixture": AudioTrackerKind(
        _opened_as("mixture"), "avloc_ros.systems.mixture", _settings("mixture", "any_array", "srp"), _mixture_weights
    ),
    "any_array": AudioTrackerKind(
        _opened_as("any_array"), "avloc_ros.systems.any_array", _settings("any_array", "srp"), _any_array_weights
    ),
    "crnn": AudioTrackerKind(
        _opened_as("crnn"),
        "avloc_ros.systems.crnn",
        _settings("crnn", "blend", "mixture", "any_array", "srp"),
        lambda config: [find_weights(config.crnn.weights, SYSTEM, SYSTEM).path, *_blend_weights(config)],
    ),
    "diff_track": AudioTrackerKind(
        _opened_as("diff_track"),
        "avloc_ros.systems.diff_track",
        _settings("diff_track", "srp"),
        lambda config: [live_weights(config.diff_track.weights).path],
    ),
    "srp": AudioTrackerKind(
        _opened_as("srp"), "avloc_ros.systems.srp", _settings("srp"), _srp_weights
    ),
}


def audio_tracker_kind(name: str) -> AudioTrackerKind:
    """The kind of that name. Raises InputError where there is none."""
    if name not in AUDIO_TRACKERS:
        raise InputError(f"no audio tracker '{name}', there are: {', '.join(AUDIO_TRACKERS)}")
    return AUDIO_TRACKERS[name]
