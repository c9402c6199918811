"""One track: where a talker is, whether there is one, whether it speaks, and how far away."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avloc_ros.tracking import sphere_filter
from avloc_ros.tracking.beliefs import (
    Place,
    after_mouth,
    bayes,
    evidence_ratio,
    existence_unsupported,
    speaking_after,
)
from avloc_ros.tracking.config import SpeakerTrackerConfig
from avloc_ros.tracking.evidence import Bearing
from avloc_ros.tracking.sphere_filter import SphereState
from avloc_ros.types import Face, Sources, Speaker

NS = 1e-9


@dataclass
class Track:
    """The state of one talker; times are stamps in nanoseconds, 0 for never."""

    order: int  # of birth
    state: SphereState
    existence: float
    born_ns: int
    number: int = 0  # given when the track is confirmed, so that passing noise uses up no identities
    chain_probability: float = 0.0  # of speaking, by the chain of turns and pauses
    speaking_probability: float = 0.0  # as it is published: the chain's, or the speaking network's
    is_speaking: bool = False
    memory: np.ndarray | None = None  # of the speaking network; None before it heard of this track
    face: Face | None = None  # in the present frame
    face_id: str = ""
    readable: float | None = None  # probability that its mouth tells when it speaks; None before a motion was seen
    sound: Bearing | None = None  # in the present frame
    is_outside: bool = False  # of the picture, in the present frame
    audio_weight: float = 0.0
    others: set[int] = field(default_factory=set)  # births of tracks whose faces were seen beside this one's
    last_heard_ns: int = 0
    last_seen_ns: int = 0
    log_range: float = 0.0
    range_variance: float = np.inf  # of log_range

    @property
    def id(self) -> str:
        return f"s{self.number}"

    @property
    def confirmed(self) -> bool:
        return self.number > 0

    @property
    def was_seen(self) -> bool:
        return self.last_seen_ns > 0

    @property
    def place(self) -> Place:
        """Where the talker is for the camera, in the present frame."""
        if self.face is not None:
            return Place.SEEN
        return Place.OUTSIDE if self.is_outside else Place.HIDDEN

    @property
    def last_evidence_ns(self) -> int:
        return max(self.last_heard_ns, self.last_seen_ns, self.born_ns)

    def predict(self, duration_s: float, config: SpeakerTrackerConfig) -> None:
        """Carry the track over the time since the last frame; nothing is seen or heard yet."""
        motion = config.motion
        acceleration = np.radians(motion.acceleration_deg_s2 if self.was_seen else motion.acceleration_unseen_deg_s2)
        self.state = sphere_filter.predict(self.state, duration_s, acceleration, motion.damping_s)
        self.range_variance += (config.face.range_drift_per_s * duration_s) ** 2 if self.was_seen else 0.0
        self.face = None
        self.sound = None

    def see(self, bearing: Bearing, stamp_ns: int, config: SpeakerTrackerConfig) -> None:
        """Take a face. The first one replaces a place that was only heard: sound errs by more than it admits."""
        if self.was_seen:
            self.state = sphere_filter.update(self.state, bearing.direction, bearing.noise)
        else:
            rate_sigma = np.radians(config.motion.initial_rate_deg_s)
            self.state = sphere_filter.initial_state(bearing.direction, bearing.noise, rate_sigma)
        self.face = bearing.face
        self.face_id = (bearing.face.id if bearing.face else "") or self.face_id
        self.last_seen_ns = stamp_ns
        self.audio_weight = 0.0
        self.existence = bayes(
            self.existence, evidence_ratio(bearing.probability, config.speaking, config.life.prior)
        )
        if bearing.range_m is not None:
            self._measure_range(bearing.range_m, bearing.range_sigma)

    def hear(self, bearing: Bearing, stamp_ns: int, config: SpeakerTrackerConfig) -> None:
        """Take a peak of sound. It moves the track only while no face tells the place better."""
        self.sound = bearing
        if self.face is None:
            self.state = sphere_filter.update(self.state, bearing.direction, bearing.noise)
            self.audio_weight = 1.0
            ratio = evidence_ratio(bearing.probability, config.speaking, config.life.prior, self.place)
            self.existence = bayes(self.existence, ratio)
        else:
            self.audio_weight = audio_share(self.state, bearing)
        if bearing.probability >= config.life.prior:
            self.last_heard_ns = stamp_ns

    def conclude(self, evidence: float | None, duration_s: float, config: SpeakerTrackerConfig) -> None:
        """Close the frame: does the talker speak by the chain, does the track still stand?"""
        self.chain_probability = speaking_after(
            self.chain_probability, evidence, duration_s, config.speaking, self.place
        )
        if self.face is not None and self.face.mouth_motion is not None:
            readable = config.mouth.readable if self.readable is None else self.readable
            self.chain_probability, self.readable = after_mouth(
                self.chain_probability, readable, self.face.mouth_motion, config.mouth, evidence is not None
            )
        self.speaking_probability = self.chain_probability
        if self.face is None and self.sound is None:
            self.existence = existence_unsupported(self.existence, self.confirmed, duration_s, config.life)

    def is_over(self, stamp_ns: int, config: SpeakerTrackerConfig) -> bool:
        """Whether the track is to be forgotten: its memory has run out, or it never became credible."""
        unsupported_s = (stamp_ns - self.last_evidence_ns) * NS
        if self.confirmed:
            return unsupported_s > config.life.memory_s
        return self.existence < config.life.forget or unsupported_s > config.life.tentative_s

    def speaker(self, config: SpeakerTrackerConfig) -> Speaker:
        """The track as it is published."""
        sources = Sources.VIDEO if self.face is not None else Sources.NONE
        if self.sound is not None:
            sources |= Sources.AUDIO
        known = np.sqrt(self.range_variance) <= config.face.largest_range_sigma
        range_m = float(np.exp(self.log_range)) if known else 0.0
        return Speaker(
            id=self.id,
            direction=self.state.direction,
            direction_covariance=sphere_filter.angle_covariance(self.state),
            is_speaking=self.is_speaking,
            speaking_probability=self.speaking_probability,
            existence_probability=self.existence,
            audio_weight=self.audio_weight,
            sources=sources,
            position=self.state.direction * range_m if known else None,
            position_covariance=position_covariance(self.state, range_m, self.range_variance)
            if known
            else None,
            face=self.face,
            last_heard_ns=self.last_heard_ns,
            last_seen_ns=self.last_seen_ns,
            face_id=self.face_id or (f"f{self.number}" if self.was_seen else ""),
        )

    def _measure_range(self, range_m: float, relative_sigma: float) -> None:
        """A Kalman step on the logarithm of the range, where the error of a width is symmetric.

        The width of a face is the same in every frame, so its error does not average out: the variance never falls
        below that of one measurement.
        """
        if not np.isfinite(self.range_variance):
            self.log_range, self.range_variance = float(np.log(range_m)), relative_sigma**2
            return
        gain = self.range_variance / (self.range_variance + relative_sigma**2)
        self.log_range += gain * (np.log(range_m) - self.log_range)
        self.range_variance = max((1 - gain) * self.range_variance, relative_sigma**2)


def audio_share(state: SphereState, sound: Bearing) -> float:
    """Share of the sound in what is known of the azimuth, by inverse variance."""
    seen, heard = 1 / max(state.covariance[0, 0], 1e-12), 1 / sound.noise[0, 0]
    return float(heard / (seen + heard))


def position_covariance(state: SphereState, range_m: float, log_range_variance: float) -> np.ndarray:
    """Covariance (3, 3) in m^2 of direction times range, to first order."""
    axes = sphere_filter.tangent_axes(state.direction)  # (2, 3)
    across = axes.T @ state.covariance[:2, :2] @ axes * range_m**2
    along = np.outer(state.direction, state.direction) * log_range_variance * range_m**2
    return across + along
