"""Where talkers may be: the peaks of a mixture of directions, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter, uniform_filter

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.direction_mixture import DirectionMixture
from avloc_ros.features.directions.power_peaks import between_cells, with_ring
from avloc_ros.features.inputs.any_array_layout import COLS, MAP_ROWS, ROWS, map_directions
from avloc_ros.geometry import cell_centres, direction_from_angles, sphere_grid

APART_RAD = np.radians(18.0)  # two candidates are no nearer to each other
OWN_RAD = np.radians(15.0)  # shares within this angle, and nearer to no other candidate, are a candidate's own
NEAR_RAD = np.radians(10.0)  # the surest cell of any_array within this angle speaks for a candidate
MOST = 6
LEAST_SHARE, LEAST_AMOUNT, LEAST_ODDS = 1e-2, 0.3, 1e-3  # logarithms end there
FACTS = (
    "share of the voices' sound, slow", "the same, fast", "the same, now", "slow against the largest", "fast against the largest",
    "share of other sound, slow", "the same, fast", "amount of voices against amount of other sound, fast", "the same, slow",
    "share of what sounds in pauses", "any_array's surest cell there", "any_array's voice", "the same in half a second",
    "the same in two seconds", "amount of voices now", "the same, fast", "amount of other sound, fast",
    "is the largest", "heights are known", "microphones on a line", "pairs of microphones", "aperture",
)  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """Angles (n,) in radians, and facts float32 (n, len(FACTS)); the largest first."""

    azimuth_rad: np.ndarray
    elevation_rad: np.ndarray
    facts: np.ndarray

    @staticmethod
    def none() -> Candidates:
        """Nobody is anywhere."""
        return Candidates(np.zeros(0), np.zeros(0), np.zeros((0, len(FACTS)), np.float32))

    def __len__(self) -> int:
        return len(self.azimuth_rad)


@dataclass(frozen=True)
class Moment:
    """What is known of a window as a whole.

    Sums of weights, of voices and of other sound: of this window, and fast and slow means of them. voice: probabilities
    that anybody speaks, now and means over half a second and two seconds. pauses (cells,): where sound comes from while
    nobody speaks, 1 in sum. learned (ROWS, COLS): any_array's probabilities.
    """

    voices_now: float
    voices: tuple[float, float]
    others: tuple[float, float]
    voice: tuple[float, float, float]
    pauses: np.ndarray
    learned: np.ndarray


class CandidateFinder:
    """Finds candidates for one geometry."""

    def __init__(self, ambiguity: ArrayAmbiguity, pairs: int, aperture_m: float, allowed: np.ndarray) -> None:
        """allowed: bool (MAP_ROWS, COLS), where a talker may be."""
        self._allowed = allowed.ravel()
        # An array that lies flat hardly tells heights: there, angles between candidates are those of azimuth.
        lies_flat = ambiguity.normal is not None and abs(ambiguity.normal[2]) > 0.7
        self._maps, self._cells = map_directions(), _cell_directions()
        if lies_flat or ambiguity.on_a_line:
            self._maps, self._cells = _level(self._maps), _level(self._cells)
        self._about = [
            float(ambiguity.normal is None), float(ambiguity.on_a_line), np.log2(pairs) / 4, np.log(aperture_m / 0.1)
        ]  # fmt: skip

    def find(self, voices: DirectionMixture, others: DirectionMixture, moment: Moment) -> Candidates:
        """Candidates of a moment, from mixtures of the voices' sound and of all other sound."""
        shares = _smoothed(0.5 * (voices.slow + voices.fast))  # (cells,)
        chosen = self._peaks(shares)
        if not len(chosen):
            return Candidates.none()
        azimuth, elevation, _ = between_cells(with_ring(shares.reshape(MAP_ROWS, COLS)), *np.divmod(chosen, COLS))
        own = self._own(chosen)  # (n, cells)
        near = self._cells @ self._maps[chosen].T > np.cos(NEAR_RAD)  # (cells of the output, n)
        surest = (near * moment.learned.reshape(-1, 1)).max(0)
        columns = [
            *_of_shares(own, voices, others, moment), _log_odds(surest), *_of_the_moment(moment), np.arange(len(chosen)) == 0,
            *self._about,
        ]  # fmt: skip
        facts = np.stack([np.broadcast_to(column, len(chosen)) for column in columns], axis=1)
        return Candidates(azimuth, elevation, facts.astype(np.float32))

    def _peaks(self, shares: np.ndarray) -> np.ndarray:
        """Cells (n,) of the highest maxima that are apart, from high to low."""
        highest = maximum_filter(shares.reshape(MAP_ROWS, COLS), 3, mode=("nearest", "wrap")).ravel()
        found = np.flatnonzero((shares >= highest) & self._allowed & (shares > 2 * shares.mean()))
        kept: list[int] = []
        for cell in found[np.argsort(-shares[found], kind="stable")]:
            if len(kept) == MOST:
                break
            if not kept or (self._maps[kept] @ self._maps[cell]).max() < np.cos(APART_RAD):
                kept.append(int(cell))
        return np.array(kept, int)

    def _own(self, chosen: np.ndarray) -> np.ndarray:
        """Which cells are each candidate's own: float32 (n, cells)."""
        cosines = self._maps[chosen] @ self._maps.T  # (n, cells)
        nearest = cosines.argmax(0) == np.arange(len(chosen))[:, None]
        return (nearest & (cosines > np.cos(OWN_RAD))).astype(np.float32)


def _of_shares(
    own: np.ndarray, voices: DirectionMixture, others: DirectionMixture, moment: Moment
) -> list[np.ndarray]:
    """Facts (n,) that rest on the shares of each candidate; own (n, cells): which cells are its own."""
    slow, fast = own @ voices.slow, own @ voices.fast
    others_slow, others_fast = own @ others.slow, own @ others.fast
    log_slow, log_fast = _log(slow), _log(fast)
    (voices_fast, voices_slow), (sound_fast, sound_slow) = moment.voices, moment.others
    return [
        log_slow, log_fast, _log(own @ voices.now), log_slow - log_slow.max(), log_fast - log_fast.max(),
        _log(others_slow), _log(others_fast),
        np.log(fast * voices_fast + LEAST_AMOUNT) - np.log(others_fast * sound_fast + LEAST_AMOUNT),
        np.log(slow * voices_slow + LEAST_AMOUNT) - np.log(others_slow * sound_slow + LEAST_AMOUNT),
        _log(own @ moment.pauses),
    ]  # fmt: skip


def _of_the_moment(moment: Moment) -> list[float]:
    """Facts that are the same for all candidates."""
    amounts = np.log1p([moment.voices_now, moment.voices[0], moment.others[0]])
    return [*(float(_log_odds(voice)) for voice in moment.voice), *amounts.tolist()]


def _log(share: np.ndarray) -> np.ndarray:
    return np.log(share + LEAST_SHARE)


def _cell_directions() -> np.ndarray:
    """Unit vectors (ROWS * COLS, 3) of the cells of the output."""
    centres = cell_centres(sphere_grid(ROWS, COLS)).reshape(-1, 2)
    return direction_from_angles(centres[:, 0], centres[:, 1])


def _level(directions: np.ndarray) -> np.ndarray:
    """The same (n, 3) without their height."""
    flat = directions * [1.0, 1.0, 0.0]
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def _smoothed(shares: np.ndarray) -> np.ndarray:
    return uniform_filter(shares.reshape(MAP_ROWS, COLS), 3, mode=("nearest", "wrap")).ravel()


def _log_odds(probability: np.ndarray | float) -> np.ndarray:
    return np.log((np.asarray(probability) + LEAST_ODDS) / (1 - np.asarray(probability) + LEAST_ODDS))
