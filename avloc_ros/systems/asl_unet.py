"""asl_unet: sound and pictures of a pair of glasses in, who speaks in the picture and whether the wearer does out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from avloc_ros.config import from_mapping, setting
from avloc_ros.decode.face_memory import FaceMemory, FaceMemoryConfig
from avloc_ros.decode.heard_columns import heard_columns
from avloc_ros.decode.speaker_mask import binary_mask, blobs_to_grid, speaker_blobs
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig, segment_features
from avloc_ros.features.inputs.asl_unet_picture import PictureScaleConfig, picture_maps
from avloc_ros.features.inputs.image import bgr_picture, reduced_picture
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights
from avloc_ros.types import AudioWindow, InputError, SpeakerGrid, VideoFrame

SYSTEM = "asl_unet"
SHIPPED = "asl_unet_small"
NS = 1_000_000_000
KEPT_S = 2.0  # pictures that wait for their sound
ODD_SAMPLES = 2  # by which a window may differ from the network's: stamps jitter


@dataclass(frozen=True)
class SpeakerUNetSettings:
    """Settings of asl_unet."""

    weights: str = setting("", "path of the network's .onnx file with its card beside it; empty: the shipped one")
    threshold: float = setting(
        -1.0, "probability above which a pixel is a speaker's; below 0: the validated one", low=-1.0, high=1.0
    )
    wearer_threshold: float = setting(
        -1.0, "probability above which the wearer speaks; below 0: the validated one", low=-1.0, high=1.0
    )
    remember: bool = setting(
        True, "weigh who speaks over time, face by face, with weights that were validated so; off: every picture by itself"
    )
    grid_rows: int = setting(36, "rows of speaker_grid", low=2, high=400)
    grid_cols: int = setting(64, "columns of speaker_grid", low=2, high=400)
    device: str = setting("auto", "where to infer: auto, cpu, cuda, cuda:N, tensorrt")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)


@dataclass(frozen=True)
class WearerVoice:
    """Whether the wearer speaks, and how likely that is."""

    speaking: bool
    probability: float


@dataclass(frozen=True)
class ActiveSpeakers:
    """What was found about one moment. probability: float32 (rows, cols) per pixel of the network's picture, weighed over
    time where the system remembers.

    mask: uint8 (height, width) of the camera's picture, 255 where somebody speaks. All but wearer are None without a picture.
    """

    stamp_ns: int
    wearer: WearerVoice
    probability: np.ndarray | None = None
    mask: np.ndarray | None = None
    grid: SpeakerGrid | None = None


@dataclass(frozen=True)
class _Seen:
    """A picture that waits for its sound: its stamp, its size (width, height), and itself reduced."""

    stamp_ns: int
    size: tuple[int, int]
    frame_id: str
    image: np.ndarray


class SpeakerUNetSystem:
    """Give it every picture by `see`, then the sound around each by `step`, in the order of time.

    Raises InputError where the weights are missing or not of this system.
    """

    def __init__(self, config: SpeakerUNetSettings | None = None) -> None:
        self.config = config = config or SpeakerUNetSettings()
        weights = find_weights(config.weights, SHIPPED, SYSTEM)
        self.name, recipe = weights.name, weights.card["recipe"]
        self.network = _part(SpeakerUNetConfig, recipe, "network", weights)
        self.audio = _part(SegmentAudioConfig, recipe, "audio", weights)
        self.scale = _part(PictureScaleConfig, recipe, "picture", weights)
        memory, validated = memory_of(weights) if config.remember else None, weights.number("threshold")
        self._memory = None
        if memory is not None:
            self._memory, validated = FaceMemory(memory[0]), memory[1]
        self.threshold = config.threshold if config.threshold >= 0 else validated
        self.wearer_threshold = (
            config.wearer_threshold if config.wearer_threshold >= 0 else weights.number("wearer_threshold")
        )
        self._engine = OnnxEngine(weights.path, config.device, config.threads)
        self._engine.warm_up()
        self.reset()

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._engine,)

    @property
    def window_s(self) -> float:
        """Length of the sound that belongs to a picture, s."""
        return self.audio.window_samples / self.audio.sample_rate_hz

    @property
    def lead_s(self) -> float:
        """How long before the picture that sound begins, s; the rest comes after it, and is waited for."""
        return self.audio.context_segments * self.audio.segment_s

    @property
    def facts(self) -> dict[str, str]:
        """What runs, for diagnostics."""
        return {
            "weights": self.name,
            "device": self._engine.device,
            "pictures": f"{self.network.cols} x {self.network.rows}",
            "notes": self._engine.note,
        }

    def reset(self) -> None:
        """Forget the pictures, and who spoke."""
        self._seen: deque[_Seen] = deque()
        if self._memory is not None:
            self._memory.reset()

    def see(self, frame: VideoFrame) -> None:
        """Keep a picture until its sound has come. Raises InputError on what is no picture."""
        if self._seen and frame.stamp_ns <= self._seen[-1].stamp_ns:
            self.reset()
        small = reduced_picture(bgr_picture(frame.image), self.network.rows, self.network.cols)
        self._seen.append(_Seen(frame.stamp_ns, frame.size, frame.frame_id, small))
        while frame.stamp_ns - self._seen[0].stamp_ns > KEPT_S * NS:
            self._seen.popleft()

    def step(self, window: AudioWindow) -> ActiveSpeakers:
        """Who speaks at the picture that was seen `lead_s` after the window's stamp; without it, the wearer alone.

        window: `window_s` of sound (frames, microphones), at any rate. Raises InputError on another number of microphones.
        """
        stamp_ns = window.stamp_ns + round(self.lead_s * NS)
        sound = segment_features(self._samples(window), self.audio)[None]  # (1, channels, bins, spectra)
        frame, maps = self._pictures_at(stamp_ns)
        found = self._engine.run({"pictures": maps[None], "sound": sound})
        wearer = self._wearer(found["wearer"][0])
        if frame is None:
            return ActiveSpeakers(stamp_ns, wearer)
        probability = _sigmoid(found["mask"][0])  # (rows, cols)
        if self._memory is not None:
            heard = heard_by_column(found, self.network, self.audio)
            probability = self._memory.step(probability, _sigmoid(found["faces"][0]), stamp_ns, heard)
        size, threshold = frame.size, self.threshold
        grid = blobs_to_grid(
            speaker_blobs(probability, threshold, *size), stamp_ns, size, (self.config.grid_rows, self.config.grid_cols),
            threshold=threshold, system=self.name, frame_id=frame.frame_id, window_s=self.audio.segment_s,
        )  # fmt: skip
        return ActiveSpeakers(stamp_ns, wearer, probability, binary_mask(probability, threshold, *size), grid)

    def _wearer(self, logits: np.ndarray) -> WearerVoice:
        probability = float(_sigmoid(logits[1] - logits[0]))  # softmax of two
        return WearerVoice(probability >= self.wearer_threshold, probability)

    def _samples(self, window: AudioWindow) -> np.ndarray:
        """The window as the network's: float32 (window_samples, microphones)."""
        audio, samples = self.audio, window.samples
        if samples.ndim != 2 or samples.shape[1] != audio.microphones:
            raise InputError(
                f"sound of shape {samples.shape}, '{self.name}' was trained for {audio.microphones} microphones of "
                f"'{audio.array}': choose them by the parameter channels, in the order of that array"
            )
        if window.sample_rate_hz != audio.sample_rate_hz:
            common = int(np.gcd(window.sample_rate_hz, audio.sample_rate_hz))
            up, down = audio.sample_rate_hz // common, window.sample_rate_hz // common
            samples = resample_poly(samples, up, down, axis=0)
        missing = audio.window_samples - len(samples)
        if abs(missing) > ODD_SAMPLES:
            raise InputError(f"a window of {window.duration_s:.3f} s, '{self.name}' takes {self.window_s:.3f} s")
        samples = samples[: audio.window_samples] if missing <= 0 else np.pad(samples, ((0, missing), (0, 0)))
        return np.ascontiguousarray(samples, np.float32)

    def _pictures_at(self, stamp_ns: int) -> tuple[_Seen | None, np.ndarray]:
        """The picture of a moment, and float32 (pictures, colours, rows, cols) of it with its context.

        Context pictures are those nearest to whole segments before (and after) it, whatever rate the camera has.
        """
        stamps = np.array([seen.stamp_ns for seen in self._seen], np.int64)
        present = np.flatnonzero(stamps == stamp_ns)
        if not len(present):
            n = self.network
            return None, np.zeros((n.pictures, n.colours, n.rows, n.cols), np.float32)
        wanted_ns = stamp_ns + np.array(self.network.picture_offsets) * round(self.audio.segment_s * NS)
        nearest = np.abs(stamps[None] - wanted_ns[:, None]).argmin(axis=1)
        maps = picture_maps([self._seen[number].image for number in nearest], self.network.colours, self.scale)
        return self._seen[int(present[0])], maps


def heard_by_column(found: dict[str, np.ndarray], network: SpeakerUNetConfig, audio: SegmentAudioConfig) -> np.ndarray | None:
    """Of one answer of a network the log-odds (cols,) of a voice in the direction of every column; None: it has no such ear."""
    if "directions" not in found:
        return None
    return heard_columns(found["directions"][0], audio.fan.azimuths_rad, network.cols, network.view_deg)


def memory_of(weights: Weights) -> tuple[FaceMemoryConfig, float] | None:
    """How these weights are weighed over time, and the threshold of beliefs that validation chose; None: not at all.

    Raises InputError where the card has other settings than FaceMemoryConfig and `threshold`.
    """
    given = weights.card.get("memory")
    if given is None:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("threshold"), float):
        raise InputError(f"the card of {weights.path}: memory needs its settings and a number 'threshold'")
    settings = {name: value for name, value in given.items() if name != "threshold"}
    return from_mapping(FaceMemoryConfig, settings, f"the card of {weights.path}"), given["threshold"]


def _part(kind: type, recipe: dict, name: str, weights: Weights):
    if not isinstance(recipe, dict) or name not in recipe:
        raise InputError(f"the card of {weights.path} lacks recipe.{name}: train again with `avloc train asl_unet_small`")
    return from_mapping(kind, recipe[name], f"the card of {weights.path}")


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
