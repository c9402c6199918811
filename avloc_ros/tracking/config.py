"""Settings of the speaker tracker."""

from __future__ import annotations

from dataclasses import dataclass, field

from avloc_ros.config import setting


@dataclass(frozen=True)
class MotionConfig:
    """How talkers move, as seen from the array."""

    acceleration_deg_s2: float = setting(
        60.0, "standard deviation of angular acceleration of talkers who were seen", low=0.0, high=1000.0
    )
    acceleration_unseen_deg_s2: float = setting(
        15.0, "the same of talkers who were only heard: sound is too coarse to follow more", low=0.0, high=1000.0
    )
    damping_s: float = setting(
        1.0, "time constant with which an angular velocity dies out", low=0.01, high=60.0
    )
    initial_rate_deg_s: float = setting(
        20.0, "standard deviation of a new track's velocity", low=0.0, high=360.0
    )


@dataclass(frozen=True)
class FaceEvidenceConfig:
    """What a face says about a bearing and a range."""

    centre_sigma: float = setting(
        0.08, "error of a face's centre, as a share of its width", low=0.001, high=1.0
    )
    floor_deg: float = setting(0.3, "smallest error of a face's bearing (calibration)", low=0.0, high=10.0)
    assumed_range_m: float = setting(2.0, "range for parallax while none is known", low=0.1, high=100.0)
    assumed_range_sigma: float = setting(0.5, "relative error of the assumed range", low=0.0, high=1.0)
    width_m: float = setting(0.15, "width of a human face", low=0.05, high=0.4)
    width_sigma_m: float = setting(
        0.02, "how much the widths of faces, and of their boxes, differ", low=0.001, high=0.2
    )
    box_sigma_px: float = setting(2.0, "error of a box's width", low=0.0, high=50.0)
    use_width: bool = setting(True, "estimate the range from the width of a face")
    largest_range_sigma: float = setting(
        0.35, "relative range error above which no position is published", low=0.01, high=1.0
    )
    range_drift_per_s: float = setting(
        0.15, "relative change of range in a second, unseen", low=0.0, high=2.0
    )
    smallest_score: float = setting(0.4, "faces of a lower detector score are ignored", low=0.0, high=1.0)


@dataclass(frozen=True)
class AudioEvidenceConfig:
    """What a peak of the sphere grid, or of an audio image grid, says."""

    azimuth_sigma_deg: float = setting(5.0, "error of a peak's azimuth", low=0.1, high=60.0)
    elevation_sigma_deg: float = setting(12.0, "error of a peak's elevation", low=0.1, high=90.0)
    smallest_peak: float = setting(0.02, "peaks of a lower probability are ignored", low=0.0, high=1.0)
    peaks: int = setting(4, "most peaks taken from one grid", low=1, high=16)
    reach_azimuth_deg: float = setting(12.0, "what is this near to a peak belongs to it", low=1.0, high=90.0)
    reach_elevation_deg: float = setting(40.0, "the same, in height", low=1.0, high=90.0)
    echo_odds: float = setting(
        2.3, "odds of a weaker peak beside a surer one are divided by this: walls show talkers twice", low=1.0, high=1000.0
    )
    echo_odds_fused: float = setting(
        5.4, "the same for peaks of a trained fusion, which knows whether there is a face", low=1.0, high=1000.0
    )
    echo_odds_across: float = setting(
        2.1,
        "the same for peaks of a trained fusion, which knows the picture only, beside a surer sound outside it",
        low=1.0,
        high=1000.0,
    )
    inside_picture: str = setting(
        "fused",
        "who says who speaks inside the picture: the audio tracker's sphere, or the fused grid where both senses are there",
        choices=("sphere", "fused"),
    )
    neighbourhood_deg: float = setting(15.0, "peaks nearer to a higher one are ignored", low=1.0, high=90.0)


@dataclass(frozen=True)
class SpeakingConfig:
    """When a track counts as speaking: by a network, or by a two-state Markov chain with the audio evidence, and hysteresis.

    What the chain says is one of the network's facts, and decides where the network lacks others: by ear alone, without sound,
    or with another fusion or audio tracker than it learnt with. The numbers from `mean_turn_s` on are the chain's.
    """

    judge: str = setting(
        "network",
        "who says whether a talker speaks where sound, a camera and the trained fusion are there",
        choices=("network", "chain"),
    )
    weights: str = setting("", "file of another network that `avloc train speaking` wrote; empty: the shipped one")
    judged_outside: float = setting(
        0.2,
        "outside the picture, where sound is all there is, a talker speaks from this probability of the network on; inside, from "
        "that of its card",
        low=0.0,
        high=1.0,
    )
    mean_turn_s: float = setting(0.39, "mean time for which somebody speaks", low=0.04, high=60.0)
    mean_turn_outside_s: float = setting(0.24, "the same for talkers outside the picture", low=0.04, high=60.0)
    mean_pause_s: float = setting(0.45, "mean time for which somebody is silent", low=0.04, high=60.0)
    mean_pause_outside_s: float = setting(0.65, "the same for talkers outside the picture", low=0.04, high=60.0)
    prior: float = setting(0.46, "probability at which evidence says nothing", low=0.01, high=0.99)
    prior_unseen: float = setting(
        0.144,
        "the same for talkers without a face, whose words the camera cannot tell from a pause",
        low=0.01,
        high=0.99,
    )
    prior_outside: float = setting(0.027, "the same for talkers outside the picture", low=0.01, high=0.99)
    evidence_exponent: float = setting(
        0.82,
        "weight of one frame's evidence; below 1 where neighbouring frames share sound",
        low=0.01,
        high=1.0,
    )
    evidence_exponent_outside: float = setting(
        0.87,
        "the same outside the picture, where the audio tracker's sphere tells, whose frames share more",
        low=0.01,
        high=1.0,
    )
    smallest_evidence: float = setting(0.014, "evidence of a track without any peak", low=0.0001, high=0.5)
    largest_evidence: float = setting(
        0.97, "evidence of one frame is not believed more than this", low=0.5, high=0.9999
    )
    on: float = setting(0.5, "speaking from this probability on", low=0.0, high=1.0)
    off: float = setting(0.31, "no longer speaking below this probability", low=0.0, high=1.0)


@dataclass(frozen=True)
class MouthConfig:
    """What the motion of a mouth says about whether that face speaks; see docs/tracking.md."""

    weight: float = setting(
        1.0, "how far one picture's evidence counts: neighbouring pictures share their motion; 0: not at all", low=0.0, high=1.0
    )
    weight_alone: float = setting(
        0.5, "the same where no sound comes: mouths are all that tells then", low=0.0, high=1.0
    )
    even_motion: float = setting(1.35, "motion that says nothing: as likely in speech as at rest", low=0.1, high=10.0)
    slope: float = setting(2.4, "log-odds of speaking per e-fold of motion", low=0.0, high=10.0)
    most: float = setting(1.5, "log-odds that one picture is believed at most, either way", low=0.0, high=10.0)
    readable: float = setting(
        0.8, "how likely the mouth of a new face is to tell: masks, beards, hands and profiles do not", low=0.01, high=1.0
    )
    learning: float = setting(
        0.15, "how fast that is learnt of a face: a mouth at rest before a clear voice does not tell; 0: never", low=0.0, high=1.0
    )


@dataclass(frozen=True)
class LifeConfig:
    """Birth, memory and death of tracks."""

    memory_s: float = setting(
        2.0, "a confirmed track survives this long unseen and unheard", low=0.0, high=600.0
    )
    tentative_s: float = setting(
        0.3, "an unconfirmed track survives this long without evidence", low=0.0, high=60.0
    )
    birth: float = setting(0.032, "existence probability of a new track", low=0.001, high=0.999)
    birth_outside: float = setting(
        0.0011,
        "the same outside the picture; below `forget`, so that only a sure first sound (.92 with these settings) starts a track",
        low=0.001,
        high=0.999,
    )
    prior: float = setting(
        0.3, "probability of a peak or a face at which it says nothing about existence", low=0.01, high=0.99
    )
    confirm: float = setting(0.65, "published from this existence probability on", low=0.001, high=0.999)
    forget: float = setting(0.02, "dropped below this existence probability", low=0.0001, high=0.5)
    gate: float = setting(
        9.21, "largest squared Mahalanobis distance (9.21: 99 % of two angles)", low=0.1, high=100.0
    )
    birth_distance_deg: float = setting(
        18.0, "no track is born from sound nearer to a track than this", low=0.0, high=180.0
    )
    merge_deg: float = setting(
        4.0, "two tracks nearer than this are one, unless their faces were seen side by side", low=0.0, high=45.0
    )
    reset_after_s: float = setting(5.0, "a gap of this length starts afresh", low=0.1, high=3600.0)


@dataclass(frozen=True)
class SpeakerTrackerConfig:
    """Settings of the speaker tracker."""

    motion: MotionConfig = field(default_factory=MotionConfig)
    face: FaceEvidenceConfig = field(default_factory=FaceEvidenceConfig)
    audio: AudioEvidenceConfig = field(default_factory=AudioEvidenceConfig)
    speaking: SpeakingConfig = field(default_factory=SpeakingConfig)
    mouth: MouthConfig = field(default_factory=MouthConfig)
    life: LifeConfig = field(default_factory=LifeConfig)
