"""What the mixture tracker knows before anything is weighed: mixtures of directions of voices and of other sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from avloc_ros.features.directions.direction_mixture import ENOUGH, FAST_S, SLOW_S, DirectionMixture, in_bands
from avloc_ros.features.directions.gathered_talkers import gathered_talkers
from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.features.directions.talker_candidates import CandidateFinder, Candidates, Moment
from avloc_ros.features.inputs.any_array_layout import (
    COLS,
    HIGHEST_HZ,
    HOP_S,
    LOWEST_HZ,
    MAP_ROWS,
    map_directions,
)
from avloc_ros.features.spectra.mel import mel_edges
from avloc_ros.features.spectra.noise_floor import NoiseFloor, stands_out
from avloc_ros.systems.any_array import HeardMoment, Steered

BANDS = 12  # that vote, even on the mel scale
LEAST_WEIGHT = 0.2  # of a bin that does not stand out of the noise floor
FLOOR_WINDOW_S, FLOOR_SMOOTHING_S, QUIETEST = 1.5, 0.08, 1e-10
AMOUNT_S = FAST_S, SLOW_S  # time constants of the amounts of sound
VOICE_S = 0.5, 2.0  # of the probability that anybody speaks
PAUSES_S = 2.0  # of where sound comes from while nobody speaks


Mixtures = tuple[DirectionMixture, DirectionMixture]  # of voices, and of other sound


class Geometry:
    """What belongs to one set of microphones. possible (cells,): shares of directions before anything was heard."""

    def __init__(self, steered: Steered) -> None:
        self.steered = steered
        directions = map_directions()  # (cells, 3)
        allowed = steered.ambiguity.assumed_side(directions, np.pi / MAP_ROWS)
        room = allowed * np.sqrt(1 - directions[:, 2] ** 2)  # solid angle of each cell
        self.possible = room / room.sum()
        pairs, aperture_m = steered.srp.pairs, steered.aperture_m
        self.finder = CandidateFinder(steered.ambiguity, pairs, aperture_m, allowed.reshape(MAP_ROWS, COLS))


class MixtureEvidence:
    """Both mixtures of directions and how much sound each rests on, window by window."""

    def __init__(self, frequencies_hz: np.ndarray) -> None:
        """frequencies_hz (bins,): of the spectra of any_array."""
        edges = mel_edges(BANDS - 1, LOWEST_HZ, HIGHEST_HZ)  # (BANDS + 1,)
        bounds = np.searchsorted(frequencies_hz, edges)
        bounds[-1] = len(frequencies_hz)
        self._bands = [slice(a, b) for a, b in pairwise(bounds.tolist()) if b > a]
        self._floor = NoiseFloor(len(frequencies_hz), HOP_S, FLOOR_WINDOW_S, FLOOR_SMOOTHING_S, QUIETEST)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._floor.reset()
        self._geometry: Geometry | None = None
        self._mixtures: Mixtures | None = None
        self._amounts = np.zeros((2, 2))  # of voices and of other sound; fast and slow
        self._voice = np.zeros(2)
        self._pauses = np.zeros(0)

    def hear(self, heard: HeardMoment, duration_s: float) -> Candidates:
        """Candidates after one more window; none where it is silent or deaf."""
        if heard.steered is None or heard.gap_s < -duration_s:
            self.reset()
        if heard.steered is None:
            return Candidates.none()
        geometry, mixtures = self._follow(heard.steered)
        if heard.gap_s > 0:
            for mixture in mixtures:
                mixture.fade(heard.gap_s)
        if not len(heard.power):
            return Candidates.none()
        learned = heard.probability
        if heard.steered.ambiguity.normal is not None:
            learned = gathered_talkers(learned)
        now = self._listen(heard, heard.steered.srp, mixtures, duration_s)
        self._amounts += (1 - np.exp(-duration_s / np.array(AMOUNT_S))) * (now[:, None] - self._amounts)
        self._voice += (1 - np.exp(-duration_s / np.array(VOICE_S))) * (heard.voice - self._voice)
        learn = (1 - np.exp(-duration_s / PAUSES_S)) * (1 - heard.voice) ** 2 * min(1.0, now.sum() / ENOUGH)
        self._pauses += learn * (mixtures[1].now - self._pauses)
        return geometry.finder.find(*mixtures, self._moment(float(now[0]), heard.voice, learned))

    def _listen(self, heard: HeardMoment, srp: SrpPhat, mixtures: Mixtures, duration_s: float) -> np.ndarray:
        """Take a window into both mixtures; the sums of weights (2,) that it brought them."""
        floor = np.stack([self._floor.update(power) for power in heard.power])
        counts = stands_out(heard.power, floor, LEAST_WEIGHT, QUIETEST)  # (hops, bins)
        sums = np.zeros(2)
        for number, mask in enumerate((heard.voice_mask, 1 - heard.voice_mask)):
            weights = (mask * counts).astype(np.float32)  # (hops, bins)
            summed = np.einsum("hb,hpb->pb", np.concatenate([weights, weights], axis=1), heard.phases)
            per_band = np.array([weights[:, band].sum() for band in self._bands], np.float32)
            mixtures[number].hear(srp, in_bands(srp, summed, self._bands), per_band, duration_s)
            sums[number] = per_band.sum()
        return sums

    def _moment(self, voices_now: float, voice: float, learned: np.ndarray) -> Moment:
        (voices, voices_slow), (others, others_slow) = self._amounts.tolist()
        half, two = self._voice.tolist()
        return Moment(
            voices_now, (voices, voices_slow), (others, others_slow), (voice, half, two), self._pauses, learned
        )

    def _follow(self, steered: Steered) -> tuple[Geometry, Mixtures]:
        """What belongs to the microphones that are heard; where other directions are possible, mixtures begin anew."""
        geometry = self._geometry
        if geometry is None or geometry.steered is not steered:
            before, geometry = geometry, Geometry(steered)
            if before is None or not np.array_equal(before.possible, geometry.possible):
                self._mixtures = None
            self._geometry = geometry
        if self._mixtures is None:
            self._mixtures = DirectionMixture(geometry.possible), DirectionMixture(geometry.possible)
            self._pauses = geometry.possible.copy()
        return geometry, self._mixtures
