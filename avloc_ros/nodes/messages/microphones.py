"""The microphones of a node: which channels of its sound they are, and what to say where their array is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.nodes.base.health import NOBODY, QUIET
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.types import AudioChunk, InputError

CHANNELS_HELP = "channels of `audio` that are the microphones, in order, counted from 0; empty: all"


def chosen_channels(chunk: AudioChunk, chosen: Sequence[int]) -> AudioChunk:
    """The sound of the chosen channels, in that order; of all where none are. Raises InputError on one that is not there."""
    if not chosen:
        return chunk
    if not all(0 <= number < chunk.channels for number in chosen):
        raise InputError(f"channels is {list(chosen)}, but audio has only {chunk.channels} channels")
    return replace(chunk, samples=chunk.samples[:, list(chosen)])


def is_same_array(first: MicrophoneArray, second: MicrophoneArray) -> bool:
    """Whether two arrays hear alike and are in one frame; their names are for people."""
    return (
        np.array_equal(first.positions_m, second.positions_m)
        and (first.channel_names, first.frame_id) == (second.channel_names, second.frame_id)
        and first.sound_speed_mps == second.sound_speed_mps
    )


def no_array(node: PipelineNode, otherwise: str = "or set array_file") -> InputError:
    """The error of a node that has no geometry yet. otherwise: what to do where nobody can publish it."""
    topic = node.resolve_topic_name("microphone_array")
    why = node.why_silent(topic)
    seen = "" if why in (NOBODY, QUIET) else f" ({why})"
    return InputError(f"no microphone array: publish it (latched) on {topic}{seen}, {otherwise}")
