"""Sound events from a stream: a chunk of the last seconds that moves on hop by hop, a network, and a tracker of events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.inputs.event_chunk import RollingChunk
from avloc_ros.features.inputs.image import reduced_picture
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.asked_paths import ask_alone, asked_again, is_query
from avloc_ros.systems.av_seld import AvSeldNetwork, picture_size
from avloc_ros.systems.coloc import open_coloc
from avloc_ros.systems.event_network import FRAME_S, EventNetwork, EventNetworkConfig
from avloc_ros.tracking.event_tracker import EventTracker, EventTrackerConfig
from avloc_ros.types import AudioWindow, InputError, SoundEvents, VideoFrame

BACKENDS = ("av_seld", "coloc")
SILENCE_DB = -100.0
NS = 1_000_000_000


@dataclass(frozen=True)
class SoundEventsConfig:
    """Which network, how often it runs, and how long it waits for what comes after a frame."""

    backend: str = setting("av_seld", "which system: av_seld (also its baseline), or coloc", choices=BACKENDS)
    hop_s: float = setting(0.2, "time between two runs of the network, a multiple of 0.1 s", low=0.1, high=10.0)
    lookahead_s: float = setting(
        0.1, "sound after a label frame that is awaited before it is judged, a multiple of 0.1 s", low=0.0, high=5.0
    )
    network: EventNetworkConfig = field(default_factory=EventNetworkConfig)
    events: EventTrackerConfig = field(default_factory=EventTrackerConfig)

    def __post_init__(self) -> None:
        for name in ("hop_s", "lookahead_s"):
            _frames(getattr(self, name), name)


class SoundEventSystem:
    """step(window of one label frame, its picture) -> the SoundEvents of the label frames that are judged now.

    array None: the sound is FOA (W, Y, Z, X). Raises InputError where weights, array and settings do not fit.
    """

    def __init__(self, config: SoundEventsConfig, array: MicrophoneArray | None = None) -> None:
        self.config = config
        network = self.network = open_events(config, array)
        self._hop, self._lookahead = _frames(config.hop_s, "hop_s"), _frames(config.lookahead_s, "lookahead_s")
        if self._hop + self._lookahead > network.frames:
            raise InputError(
                f"hop_s {config.hop_s:g} and lookahead_s {config.lookahead_s:g} together exceed the network's chunk of "
                f"{network.frames * FRAME_S:g} s"
            )
        self._chunk = RollingChunk(
            network.frames, FRAME_S, network.sample_rate_hz, network.channels, network.picture_size
        )
        self._tracker = EventTracker(network.classes, network.on, network.off, config.events)
        self.reset()

    @property
    def latency_s(self) -> float:
        """How long after the beginning of its first frame an event is told at the latest, but for computing."""
        events = self.config.events
        frames = max(events.onset_frames, ceil(events.onset_score / max(self.network.on, 1e-3)))  # of the least score
        return self.config.hop_s + self.config.lookahead_s + FRAME_S * (frames - 1)

    def reset(self) -> None:
        """Forget what was heard and seen."""
        self._chunk.reset()
        self._tracker.reset()
        self._stamps: deque[tuple[int, float]] = deque(maxlen=self.network.frames)  # (ns, decibels) of each label frame
        self._unjudged = 0  # label frames that came and were not told of yet

    def step(
        self, window: AudioWindow, picture: VideoFrame | None = None, is_newest: bool = True
    ) -> tuple[SoundEvents, ...]:
        """Events of each label frame that is judged now, mostly none or `hop_s` of them.

        window: 0.1 s of sound (n, channels); picture: what a 360-degree camera showed when it began, None: as before.
        is_newest: False where further windows wait already: then the network does not run, and the run after it judges
        more frames at once, so that a machine that is too slow for `hop_s` loses no sound.
        Raises InputError on a wrong number of channels.
        """
        if self._stamps and not 0 < window.stamp_ns - self._stamps[-1][0] < self.config.events.reset_after_s * NS:
            self.reset()
        self._chunk.push(window.samples, window.sample_rate_hz, self._seen(picture))
        self._stamps.append((window.stamp_ns, level_db(window.samples)))
        self._unjudged = min(self._unjudged + 1, self.network.frames)
        ready = self._unjudged - self._lookahead
        if ready < self._hop or (not is_newest and self._unjudged < self.network.frames):
            return ()
        pictures = self._chunk.pictures() if self.network.picture_size is not None else None
        again = min(self.config.events.class_frames, self.network.frames - self._unjudged)  # frames told of before
        heard = self.network.events(self._chunk.samples(), pictures, again + self._unjudged)
        judged = list(self._stamps)[-self._unjudged :][:ready]
        self._unjudged = self._lookahead
        return tuple(
            self._tracker.step(stamp_ns, heard[place], level, heard[:place])
            for place, (stamp_ns, level) in enumerate(judged, again)
        )

    def _seen(self, picture: VideoFrame | None) -> np.ndarray | None:
        size = self.network.picture_size
        if picture is None or size is None:
            return None
        small = picture.image if picture.size == size else reduced_picture(picture.image, size[1], size[0])
        return np.ascontiguousarray(small[..., ::-1].transpose(2, 0, 1))  # RGB (3, height, width)


def open_events(config: SoundEventsConfig, array: MicrophoneArray | None = None) -> EventNetwork:
    """The network of these settings: asked again, or a query by itself where its weights are those of one. Raises InputError."""
    if config.backend == "coloc":
        return asked_again(open_coloc(config.network, array), config.network, array)
    if is_query(config.network.weights):
        return ask_alone(config.network, array)
    return asked_again(AvSeldNetwork(config.network, array), config.network, array)


def looks_at(config: SoundEventsConfig) -> tuple[int, int] | None:
    """(width, height) of the pictures that the network of these settings takes; None: it does not look.

    Raises InputError where its weights are missing.
    """
    own = config.network.weights
    return picture_size(own) if config.backend == "av_seld" and not is_query(own) else None


def level_db(samples: np.ndarray) -> float:
    """Root mean square of the first channel (W of FOA) in decibels relative to full scale."""
    power = float(np.mean(np.square(samples[:, 0]))) if len(samples) else 0.0
    return max(SILENCE_DB, 10 * np.log10(max(power, 1e-10)))


def _frames(seconds: float, name: str) -> int:
    frames = round(seconds / FRAME_S)
    if abs(frames * FRAME_S - seconds) > 1e-6:
        raise InputError(f"{name} is {seconds:g} s: need a multiple of {FRAME_S:g} s")
    return frames
