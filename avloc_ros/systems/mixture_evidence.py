"""What the mixture tracker knows before anything is weighed: mixtures of directions of voices and of other sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from avloc_ros.features.any_array_layout import COLS, HIGHEST_HZ, HOP_S, LOWEST_HZ, MAP_ROWS, map_directions
from avloc_ros.features.direction_mixture import ENOUGH, SLOW_S, DirectionMixture, in_bands
from avloc_ros.features.gathered_talkers import gathered_talkers
from avloc_ros.features.mel import mel_edges
from avloc_ros.features.noise_floor import NoiseFloor
from avloc_ros.features.talker_candidates import CandidateFinder, Candidates, Moment
from avloc_ros.systems.any_array import HeardMoment, Steered

BANDS = 12  # that vote, even on the mel scale
LEAST_WEIGHT = 0.2  # of a bin that does not stand out of the noise floor
FLOOR_WINDOW_S, FLOOR_SMOOTHING_S, QUIETEST = 1.5, 0.08, 1e-10
AMOUNT_S = 0.08, SLOW_S  # time constants of the amounts of sound
VOICE_S = 0.5, 2.0  # of the probability that anybody speaks
PAUSES_S = 2.0  # of where sound comes from while nobody speaks


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
        self._mixtures: tuple[DirectionMixture, DirectionMixture] | None = None
        self._amounts = np.zeros((2, 2))  # of voices and of other sound; fast and slow
        self._voice = np.zeros(2)
        self._pauses = np.zeros(0)

    def hear(self, heard: HeardMoment, duration_s: float) -> Candidates:
        """Candidates after one more window; none where it is silent or deaf."""
        if heard.steered is None or heard.gap_s < -duration_s:
            self.reset()
        if heard.steered is None or not len(heard.power):
            return Candidates.none()
        geometry = self._follow(heard.steered)
        assert self._mixtures is not None
        learned = heard.probability
        if heard.steered.ambiguity.normal is not None:
            learned = gathered_talkers(learned)
        floor = np.stack([self._floor.update(power) for power in heard.power])
        stands_out = np.maximum(LEAST_WEIGHT, 1 - floor / np.maximum(heard.power, 1e-20)) * (heard.power > QUIETEST)
        now = np.zeros(2)
        for number, mask in enumerate((heard.voice_mask, 1 - heard.voice_mask)):
            weights = (mask * stands_out).astype(np.float32)  # (hops, bins)
            summed = np.einsum("hb,hpb->pb", np.concatenate([weights, weights], axis=1), heard.phases)
            if heard.gap_s > 0:
                self._mixtures[number].fade(heard.gap_s)
            vectors = in_bands(heard.steered.srp, summed, self._bands)
            per_band = np.array([weights[:, band].sum() for band in self._bands], np.float32)
            self._mixtures[number].hear(heard.steered.srp, vectors, per_band, duration_s)
            now[number] = per_band.sum()
        self._amounts += (1 - np.exp(-duration_s / np.array(AMOUNT_S))) * (now[:, None] - self._amounts)
        self._voice += (1 - np.exp(-duration_s / np.array(VOICE_S))) * (heard.voice - self._voice)
        learn = (1 - np.exp(-duration_s / PAUSES_S)) * (1 - heard.voice) ** 2 * min(1.0, now.sum() / ENOUGH)
        self._pauses += learn * (self._mixtures[1].now - self._pauses)
        voices, others = (tuple(map(float, amounts)) for amounts in self._amounts)
        voice = (heard.voice, *map(float, self._voice))
        return geometry.finder.find(*self._mixtures, Moment(float(now[0]), voices, others, voice, self._pauses, learned))

    def _follow(self, steered: Steered) -> Geometry:
        """What belongs to the microphones that are heard; where other directions are possible, mixtures begin anew."""
        if self._geometry is None or self._geometry.steered is not steered:
            geometry = Geometry(steered)
            if self._geometry is None or not np.array_equal(self._geometry.possible, geometry.possible):
                self._mixtures = DirectionMixture(geometry.possible), DirectionMixture(geometry.possible)
                self._pauses = geometry.possible.copy()
            self._geometry = geometry
        return self._geometry
