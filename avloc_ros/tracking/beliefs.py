"""Recursive Bayes for the two yes-or-no questions of a track: does it exist, and does it speak?"""

from __future__ import annotations

from enum import Enum

import numpy as np

from avloc_ros.tracking.config import LifeConfig, MouthConfig, SpeakingConfig

LEAST_READABLE = 0.02  # of a mouth, and of its contrary: what is learnt of a face can be unlearnt


class Place(Enum):
    """Where a talker is for the camera, in one frame: that decides what sound alone is worth."""

    SEEN = "with a face"
    HIDDEN = "inside the picture, without a face"
    OUTSIDE = "outside the picture, or there is no camera"


def odds(probability: float) -> float:
    """p / (1 - p), kept finite."""
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return p / (1 - p)


def bayes(probability: float, likelihood_ratio: float) -> float:
    """The probability after evidence that is `likelihood_ratio` times likelier if the answer is yes."""
    posterior = odds(probability) * likelihood_ratio
    return posterior / (1 + posterior)


def speaking_after(
    previous: float, evidence: float | None, duration_s: float, config: SpeakingConfig, place: Place = Place.SEEN
) -> float:
    """Probability of speaking after one frame: a two-state Markov chain, then the frame's evidence.

    evidence: the probability, by this frame alone, that the talker speaks; None where there was no sound at all (the
    chain then relaxes towards its stationary value).
    """
    turn_s, pause_s = config.mean_turn_s, config.mean_pause_s
    if place is Place.OUTSIDE:
        turn_s, pause_s = config.mean_turn_outside_s, config.mean_pause_outside_s
    starts, stops = 1 / pause_s, 1 / turn_s  # rates, 1/s
    stationary = starts / (starts + stops)
    predicted = stationary + (previous - stationary) * np.exp(-(starts + stops) * duration_s)
    if evidence is None:
        return float(predicted)
    prior = {Place.SEEN: config.prior, Place.HIDDEN: config.prior_unseen, Place.OUTSIDE: config.prior_outside}[place]
    return bayes(float(predicted), evidence_ratio(evidence, config, prior, place))


def evidence_ratio(evidence: float, config: SpeakingConfig, prior: float, place: Place = Place.SEEN) -> float:
    """Likelihood ratio of one frame's evidence, tempered because neighbouring frames share sound and picture."""
    believed = min(max(evidence, config.smallest_evidence), config.largest_evidence)
    exponent = config.evidence_exponent_outside if place is Place.OUTSIDE else config.evidence_exponent
    return float((odds(believed) / odds(prior)) ** exponent)


def mouth_ratio(motion: float, weight: float, config: MouthConfig) -> float:
    """Likelihood ratio of speaking by the motion of a readable mouth in one picture: log-linear, within limits either way."""
    log_odds = config.slope * np.log(max(motion, 1e-6) / config.even_motion)
    return float(np.exp(weight * np.clip(log_odds, -config.most, config.most)))


def after_mouth(
    speaking: float, readable: float, motion: float, config: MouthConfig, is_heard: bool = True
) -> tuple[float, float]:
    """Probabilities of speaking, and of a mouth that tells, after its motion in one picture.

    is_heard: whether there was sound to compare with; without, nothing is learnt of the mouth, and it counts by `weight_alone`.

    A mouth that does not tell (a mask, a beard, a profile) moves as one at rest, whether its owner speaks or not. So a mouth
    that rests before a sure voice tells less, and one that moves with a voice tells more.
    """
    ratio = mouth_ratio(motion, config.weight if is_heard else config.weight_alone, config)
    tells = speaking * ratio + 1 - speaking  # likelihood of this motion if the mouth tells, over that if it does not
    speaking_now = bayes(speaking, readable * ratio + 1 - readable)
    if not is_heard:
        return speaking_now, readable
    return speaking_now, min(max(bayes(readable, tells**config.learning), LEAST_READABLE), 1 - LEAST_READABLE)


def is_speaking_after(previous: bool, probability: float, config: SpeakingConfig) -> bool:
    """Hysteresis: on from `on`, off below `off`."""
    return probability >= (config.off if previous else config.on)


def existence_unsupported(previous: float, confirmed: bool, duration_s: float, config: LifeConfig) -> float:
    """Existence without any evidence: it decays so that certainty is forgotten after the memory time."""
    lasts_s = config.memory_s if confirmed else config.tentative_s
    if lasts_s <= 0:
        return 0.0
    return float(previous * config.forget ** (duration_s / lasts_s))
