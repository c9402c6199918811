"""The learned audio tracker for any array: steered response power under masks that know voices, read by a network.

Its weights hold nothing of an array or a room: geometry comes in through the maps. One call of `step` reads like the
method: spectra, masks, masked maps, network, grids (docs/any_array.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity, ArrayShape
from avloc_ros.features.directions.assumed_side import AssumedSide
from avloc_ros.features.directions.masked_srp import MaskMemory, pair_phases, project_masked, sum_under_masks
from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.features.inputs.any_array_layout import (
    BANDS,
    COLS,
    FRAME_S,
    HIGHEST_HZ,
    HOP_S,
    HOPS,
    LEARNT,
    LOWEST_HZ,
    MAP_ROWS,
    MOST_PAIRS,
    ROWS,
    WINDOW_S,
    MapLayout,
    fixed_masks,
    map_directions,
)
from avloc_ros.features.spectra.channel_check import channel_reasons, usable_channels
from avloc_ros.features.spectra.mel import RelativeLevels, band_spread, mel_filters
from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.geometry import CameraModel, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.any_array_network import AnyArrayEngines, load_any_array
from avloc_ros.systems.audio_grids import AudioGrids, check_window
from avloc_ros.systems.sphere_view import SphereView
from avloc_ros.types import AudioWindow, InputError

NAME = "any_array"
SILENCE = 1e-10  # mean power of a bin below which nothing counts as sound


@dataclass(frozen=True)
class AnyArrayConfig:
    """Settings of the any-array tracker."""

    weights: str = setting("", "folder of other weights that `avloc train any_array` wrote; empty: the shipped ones")
    threshold: float = setting(
        -1.0, "detection threshold of a cell; negative: the one in the card, chosen on validation scenes", low=-1.0, high=1.0
    )
    device: str = setting("cpu", "where the networks run: auto, cpu, cuda, cuda:N; they are small, a copy costs more")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)


@dataclass(frozen=True)
class Steered:
    """What is computed once per set of microphones."""

    srp: SrpPhat
    ambiguity: ArrayAmbiguity
    side: AssumedSide  # where a talker may be
    about: np.ndarray  # (2,), what the networks are told of the array
    aperture_m: float


@dataclass(frozen=True)
class HeardMoment:
    """All that one window tells. Where fewer than two channels carry sound, `steered` is None and the arrays are empty.

    probability (ROWS, COLS): that a talker is within one cell width; voice: probability that anybody speaks; gap_s: time
    since the window before, negative where time began anew; phases: float32 (hops, pairs, 2 bins), whitened cross spectra;
    voice_mask: float32 (hops, bins), share of voices in the power; power: float32 (hops, bins), mean of the channels.
    """

    probability: np.ndarray
    voice: float
    reasons: tuple[str, ...]
    steered: Steered | None = None
    gap_s: float = 0.0
    phases: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))
    voice_mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    power: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class AnyArrayTracker:
    """Audio windows in, speaker grids out; causal, no look-ahead."""

    def __init__(
        self,
        config: AnyArrayConfig | None = None,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        sample_rate_hz: int = 48000,
        *,
        image_shape: tuple[int, int] = (20, 24),
        assumed_range_m: float = 2.0,
        engines: AnyArrayEngines | None = None,
    ) -> None:
        """image_shape: rows and columns of the image grid. Raises InputError without an array or weights."""
        if array is None:
            raise InputError("any_array needs the microphone array: give array_file, or publish microphone_array")
        self.config = config or AnyArrayConfig()
        self.sample_rate_hz = sample_rate_hz
        self._range_m = assumed_range_m
        self._engines = engines or load_any_array(self.config.weights, self.config.device, self.config.threads)
        self._stft = StreamingStft(sample_rate_hz, FRAME_S, HOP_S, HIGHEST_HZ)
        frequencies = self._stft.frequencies_hz
        in_band = (frequencies >= LOWEST_HZ).astype(np.float32)
        self._in_band = in_band
        self._spread = band_spread(frequencies, BANDS) * in_band  # (BANDS, bins)
        self._fixed = fixed_masks(frequencies) * in_band  # (2, bins)
        self._levels = RelativeLevels(mel_filters(frequencies, BANDS), HOP_S)
        self._maps = MapLayout.standard()
        self._memory = MaskMemory(self._maps.memory_s, HOP_S)
        self._layout = sphere_grid(ROWS, COLS)
        self._view = SphereView(NAME, self._layout, image_shape, assumed_range_m)
        self.set_array(array)
        self.set_camera(camera)

    # ---------------------------------------------------------------------------------------- what may change
    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry: steering is computed anew, what was heard is forgotten."""
        self.array = array
        self._steered: dict[bytes, Steered] = {}
        self.reset()
        self._steering_for(np.ones(array.channels, bool))  # now, so that the first window does not wait

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self._view.look_through(camera)

    @property
    def camera(self) -> CameraModel | None:
        """The camera whose pixels the image grid is on."""
        return self._view.camera

    def reset(self) -> None:
        """Forget what was heard."""
        self._stft.reset()
        self._levels.reset()
        self._memory.reset()
        self._state = self._engines.first_state()
        self._embedding = np.zeros(self._engines.embedding, np.float32)
        self._voice = 0.0
        self._end_ns: int | None = None

    @property
    def threshold(self) -> float:
        """Detection threshold of a cell."""
        return self.config.threshold if self.config.threshold >= 0 else self._engines.threshold

    @property
    def frequencies_hz(self) -> np.ndarray:
        """Frequencies (bins,) of its spectra."""
        return self._stft.frequencies_hz

    @property
    def shape(self) -> ArrayShape:
        """How the microphones lie."""
        return self._steering_for(np.ones(self.array.channels, bool)).ambiguity.shape

    @property
    def limits(self) -> tuple[str, ...]:
        """What this geometry cannot tell apart, in words."""
        return self._steering_for(np.ones(self.array.channels, bool)).ambiguity.reasons

    # ---------------------------------------------------------------------------------------- one window
    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        heard = self.hear(window)
        return self._view.grids(
            window, heard.probability, self.threshold, heard.voice, self.array.frame_id, heard.reasons
        )

    def hear(self, window: AudioWindow) -> HeardMoment:
        """What one window (frames, channels) tells, before it becomes grids. Raises InputError as `step` does."""
        check_window(window, self.array, self.sample_rate_hz)
        usable = usable_channels(window)
        if usable.sum() < 2:
            self.reset()
            return HeardMoment(np.zeros((ROWS, COLS), np.float32), 0.0, ("fewer than two channels carry sound",))
        gap_s = self._follow_time(window)
        steered = self._steering_for(usable)
        samples = np.where(usable, window.samples, 0.0).astype(np.float32, copy=False)
        spectra = self._stft.push(replace(window, samples=samples))[:, usable]  # (hops, channels, bins)
        power = (spectra.real**2 + spectra.imag**2).mean(1)  # (hops, bins)
        masks = self._listen(power)
        phases = pair_phases(spectra, steered.srp.first, steered.srp.second)
        vectors, weights = self._steer(phases, masks, steered)
        probability = self._look(vectors, weights, steered)
        reasons = channel_reasons(window, usable, self.array.channel_names)
        return HeardMoment(probability, self._voice, reasons, steered, gap_s, phases, masks[:, 0], power)

    def _listen(self, power: np.ndarray) -> np.ndarray:
        """The masks over the bins of each hop, float32 (hops, masks, bins), from power (hops, bins)."""
        masks = np.zeros((len(power), LEARNT + len(self._fixed), power.shape[-1]), np.float32)
        if len(power):
            heard = self._engines.listen(self._levels(power), self._state)
            self._state, self._embedding = heard.state, heard.embedding[-1]
            self._voice = float(heard.voice[-1]) if power[-1].mean() > SILENCE else 0.0
            masks[:, :LEARNT] = heard.masks @ self._spread
            masks[:, LEARNT:] = self._fixed
            masks *= power[:, None].mean(-1, keepdims=True) > SILENCE  # digital silence points nowhere
        return masks

    def _steer(self, phases: np.ndarray, masks: np.ndarray, steered: Steered) -> tuple[np.ndarray, np.ndarray]:
        """What each mask let through lately, in the delay space: (maps, pairs * rank), and the masks' weights (maps,)."""
        srp, hops = steered.srp, len(phases)
        if not hops:
            return self._memory.add(np.zeros((len(self._maps.masks), srp.pairs * srp.rank), np.float32), 0.0, 0)
        summed = sum_under_masks(phases[None], masks[None])[0]  # (masks, pairs, 2 bins)
        vectors = project_masked(srp, summed)[self._maps.masks]
        return self._memory.add(vectors, masks.sum((0, 2))[self._maps.masks], hops)

    def _look(self, vectors: np.ndarray, weights: np.ndarray, steered: Steered) -> np.ndarray:
        """Probability (ROWS, COLS) that a talker is within one cell width of each cell."""
        srp = steered.srp
        maps = (vectors @ srp.steering) / (srp.pairs * weights[:, None] + 1e-6)  # (maps, cells)
        length = HOPS / (1 - np.exp(-WINDOW_S / self._maps.memory_s)) * self._in_band.sum()
        amount = np.log10(weights / length + 1e-3)
        facts = np.concatenate([self._embedding, steered.about, amount, 5 * maps.std(-1, ddof=1)])
        probability = self._engines.look(maps.reshape(len(maps), MAP_ROWS, COLS), facts)
        return steered.side.fold(probability)

    def _follow_time(self, window: AudioWindow) -> float:
        """What was heard before a gap fades by the length of the gap; time that runs backward starts anew. The gap in seconds."""
        gap_s = 0.0
        if self._end_ns is not None:
            gap_s = (window.stamp_ns - self._end_ns) * 1e-9
            if gap_s < -window.duration_s:
                self.reset()
            elif gap_s > 0:
                self._memory.fade(gap_s)
        self._end_ns = window.stamp_ns + round(window.duration_s * 1e9)
        return gap_s

    def _steering_for(self, usable: np.ndarray) -> Steered:
        """Steering of the usable microphones, computed when first needed."""
        key = usable.tobytes()
        if key not in self._steered:
            names = tuple(n for n, fine in zip(self.array.channel_names, usable, strict=True) if fine)
            part = replace(
                self.array, positions_m=self.array.positions_m[usable], channel_names=names, device_channels=()
            )
            srp = SrpPhat(part, self._stft.frequencies_hz, map_directions() * self._range_m)
            ambiguity = ArrayAmbiguity(part)
            pairs = min(srp.pairs, MOST_PAIRS)
            about = np.array([np.log2(pairs) / 4, np.log(part.aperture_m / 0.1)], np.float32)
            self._steered[key] = Steered(srp, ambiguity, AssumedSide(ambiguity, self._layout), about, part.aperture_m)
        return self._steered[key]
