"""What one chunk costs the sound event networks: torch against onnxruntime, by length of the chunk and number of streams.

The networks are those of the recipes for two cores, with random weights: the time does not depend on them.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.config import flatten, from_mapping, shipped_folder
from avloc_ros.features.directions.flow_map import flow_peaks
from avloc_ros.features.inputs.coloc_features import coloc_features
from avloc_ros.features.inputs.foa_features import foa_features
from avloc_ros.parameter_file import load_parameters
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.systems.event_network import FoaSpectra
from avloc_ros.types import InputError

CHUNKS_S = (1.2, 3.0, 4.8)  # multiples of .3 s, from look to look of av_seld_small
STREAMS = (1, 2, 4)
FIXED_CHUNK_S = {"coloc_ear": 5.0, "direction_query": 3.0}  # that of the shipped ear; what a live run asks about
RECIPES = ("av_seld_small_audio", "av_seld_small", "av_seld_baseline_small", "coloc_small", "coloc_ear", "direction_query")


@dataclass(frozen=True)
class EventCost:
    """Median milliseconds for one chunk of each stream.

    coloc: one step of the localizer and one of the classifier; coloc_ear: its ear besides. direction_query: features
    are spectra and the map of the flows, and it is asked for as many directions as it may be.
    """

    recipe: str
    chunk_s: float
    streams: int
    features_ms: float
    onnxruntime_ms: float
    torch_ms: float


def event_costs(calls: int, device: str = "cpu", progress: Callable[[str], None] = lambda name: None) -> list[EventCost]:
    """All recipes at all lengths, and at the middle one with several streams. Raises InputError without torch.

    onnxruntime serves streams one after the other, torch as one batch; features are numpy's, one stream after the other.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError("the sound event part compares torch with onnxruntime: pip install torch")
    import torch

    torch.set_num_threads(1)
    found = []
    for name in RECIPES:
        lengths = (FIXED_CHUNK_S[name],) if name in FIXED_CHUNK_S else CHUNKS_S
        most_used = lengths[len(lengths) // 2]
        for chunk_s, streams in [(chunk_s, 1) for chunk_s in lengths] + [(most_used, streams) for streams in STREAMS[1:]]:
            progress(f"{name}, {chunk_s:g} s, {streams} stream(s)")
            found.append(_cost(name, chunk_s, streams, calls, device))
    return found


def _cost(name: str, chunk_s: float, streams: int, calls: int, device: str) -> EventCost:
    import torch

    recipe = _recipe(name, chunk_s)
    hears = _recipe(recipe.ear, chunk_s) if name == "coloc_ear" else recipe
    sound = np.random.default_rng(0).standard_normal((hears.chunks.samples, hears.chunks.channels)).astype(np.float32) * 0.1
    make = _features_of(name, hears)
    features_ms = _median_ms(lambda: [make(sound) for _ in range(streams)], calls)
    onnx_ms = torch_ms = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for network, inputs, path in _networks(recipe, Path(folder)):
            engine = OnnxEngine(path, device)
            arrays = {key: value.numpy() for key, value in inputs.items()}
            onnx_ms += _median_ms(partial(_serve, engine, arrays, streams), calls)
            place = "cpu" if device == "cpu" else "cuda"
            batch = [value.repeat(streams, *[1] * (value.ndim - 1)).to(place) for value in inputs.values()]
            network = network.eval().to(place)
            with torch.inference_mode():
                torch_ms += _median_ms(partial(_answer, network, batch), calls)
    return EventCost(name, chunk_s, streams, features_ms, onnx_ms, torch_ms)


def _features_of(name: str, recipe: Any) -> Callable[[np.ndarray], object]:
    """What makes of samples (n, 4) what the networks of a recipe take."""
    if name == "direction_query":
        foa, frames = recipe.features, recipe.chunks.frames
        spectra = FoaSpectra(foa.sample_rate_hz, (foa.fft_length, foa.window_length, foa.hop_length), None)
        return lambda sound: flow_peaks(spectra(sound)[:, : frames * recipe.analysis_frames], frames, recipe.map)
    make = coloc_features if name == "coloc_small" else foa_features
    return lambda sound: make(sound, recipe.features)


def _serve(engine: OnnxEngine, arrays: dict[str, np.ndarray], streams: int) -> None:
    for _ in range(streams):
        engine.run(arrays)


def _answer(network: Any, batch: list[Any]) -> None:
    network(*batch).cpu()  # waits for a GPU


def _networks(recipe: Any, folder: Path) -> Iterator[tuple[Any, dict[str, Any], Path]]:
    """(network, inputs of one chunk, its ONNX file) of every network of a recipe."""
    from avloc_ros.models.sound_events.coloc import Classifier, Localizer
    from avloc_ros.training.sound_events.av_seld import make_network
    from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe, make_query
    from avloc_ros.training.sound_events.direction_query_weights import example_query, query_model
    from avloc_ros.training.sound_events.export import (
        example_av_seld,
        example_classifier,
        example_localizer,
        export_av_seld,
        export_coloc,
    )
    from avloc_ros.training.sound_events.recipes import AvSeldRecipe, ColocEarRecipe

    if isinstance(recipe, AvSeldRecipe):
        network = make_network(recipe)
        export_av_seld(network, recipe, folder / "network.onnx")
        yield network, example_av_seld(recipe), folder / "network.onnx"
        return
    if isinstance(recipe, ColocEarRecipe):
        yield from _networks(_recipe(recipe.ear, FIXED_CHUNK_S["coloc_ear"]), folder)
        yield from _networks_on_ear(recipe, folder)
        return
    if isinstance(recipe, DirectionQueryRecipe):
        query = make_query(recipe)
        (folder / "query.onnx").write_bytes(query_model(query, recipe))
        yield query, example_query(recipe, recipe.chunks.frames, recipe.paths.most), folder / "query.onnx"
        return
    localizer, classifier = Localizer(recipe.network), Classifier(recipe.network, recipe.classes)
    export_coloc(localizer, classifier, recipe, folder)
    yield localizer, example_localizer(recipe), folder / "localizer.onnx"
    yield classifier, example_classifier(recipe), folder / "classifier.onnx"


def _networks_on_ear(recipe: Any, folder: Path) -> Iterator[tuple[Any, dict[str, Any], Path]]:
    """CoLoC's two networks, which read what the shipped ear tells."""
    from avloc_ros.models.sound_events.coloc_ear import EarClassifier, EarLocalizer
    from avloc_ros.systems.coloc_ear import open_ear
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.training.sound_events.export import (
        example_ear_classifier,
        example_ear_localizer,
        export_coloc_ear,
    )

    ear = open_ear(recipe.ear, EventNetworkConfig(device="cpu"))
    localizer = EarLocalizer(recipe.network, recipe.classes, max(1, recipe.height - 1))
    classifier = EarClassifier(recipe.network, recipe.classes)
    export_coloc_ear(localizer, classifier, recipe, ear, folder)
    yield localizer, example_ear_localizer(recipe, ear), folder / "localizer.onnx"
    yield classifier, example_ear_classifier(recipe, ear), folder / "classifier.onnx"


def _recipe(name: str, chunk_s: float) -> Any:
    from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe
    from avloc_ros.training.sound_events.recipes import AvSeldRecipe, ColocEarRecipe, ColocRecipe

    if name == "direction_query":
        recipe: Any = DirectionQueryRecipe()
        return replace(recipe, chunks=replace(recipe.chunks, chunk_s=chunk_s))
    content = load_parameters(shipped_folder() / "config" / "train" / f"{name}.yaml")
    kinds = {"av_seld": AvSeldRecipe, "coloc": ColocRecipe, "coloc_ear": ColocEarRecipe}
    recipe = from_mapping(kinds[content.pop("recipe")], flatten(content), name)
    return recipe if name == "coloc_ear" else replace(recipe, chunks=replace(recipe.chunks, chunk_s=chunk_s))


def _median_ms(call: Callable[[], object], calls: int) -> float:
    call()
    times_s = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - start)
    return float(1e3 * np.median(times_s))
