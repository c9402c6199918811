"""Makes cached grids from recordings with truth: both front ends over every frame, several recordings at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from avloc_ros.config import to_mapping
from avloc_ros.datasets.grids.grid_recordings import GridRecording, load_grids, save_grids
from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.evaluation.chain.front_end_cache import FrontEndCache
from avloc_ros.evaluation.chain.stages import StageFrame, run_stages
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.sources.truth import TruthRow
from avloc_ros.systems.dsw_fusion import reliability_maps
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError, SpeakerGrid

# Settings that the grids depend on.
FRONT_ENDS = ("audio_tracker", "blend", "mixture", "any_array", "srp", "faces", "binary_faces")


def make_grid_recording(
    item: EvaluationInput, config: LocalizerConfig, cache: FrontEndCache | None = None
) -> GridRecording:
    """Run both front ends over one recording, or take them from `avloc evaluate`'s cache.

    Raises InputError where the recording lacks sound or pictures.
    """
    if item.camera is None or item.array is None:
        raise InputError(f"{item.path}: the fusion learns from recordings with both sound and pictures")
    stages = run_stages(item, config, config.audio_tracker, cache)
    pairs = [pair for stage in stages if (pair := _grids_of(stage, config)) is not None]
    if not pairs:
        raise InputError(f"{item.path}: no frame has both sound and a picture")
    numbers, audio, video = zip(*pairs, strict=True)
    u_px, v_px, speaking, visible = truth_arrays([item.truth.get(number, ()) for number in numbers])
    return GridRecording(
        item.name,
        np.stack([grid.probability for grid in audio]).astype(np.float16),
        np.stack([grid.probability for grid in video]).astype(np.float16),
        np.stack([reliability_maps(a, v) for a, v in zip(audio, video, strict=True)]).astype(np.float16),
        u_px,
        v_px,
        speaking,
        visible,
        (item.camera.width, item.camera.height),
        item.fps,
        str(item.extra.get("condition", "")),
        front_end_settings(config),
        dict(item.extra) | {"source": str(item.path.resolve())},
    )


def truth_arrays(
    frames: Sequence[Sequence[TruthRow]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """u_px, v_px float32 (frames, talkers), NaN where out of the picture; speaking, visible bool (frames, talkers)."""
    names = sorted({row.speaker for rows in frames for row in rows})
    shape = len(frames), len(names)
    u_px, v_px = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    speaking, visible = np.zeros(shape, bool), np.zeros(shape, bool)
    for index, rows in enumerate(frames):
        for row in rows:
            place = index, names.index(row.speaker)
            speaking[place], visible[place] = row.speaking, row.visible
            if row.in_picture:
                u_px[place], v_px[place] = row.u_px, row.v_px
    return u_px, v_px, speaking, visible


def cache_grids(
    paths: Sequence[Path],
    out: Path,
    config: LocalizerConfig,
    *,
    jobs: int = 1,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write out/NAME.npz for every recording under `paths`; those that exist, of the same recordings
    and settings, are kept.

    cache: a folder of `avloc evaluate --cache`. progress(done, all) is called after each. Raises InputError on bad input,
    and on grids of other settings.
    """
    found = find_inputs(paths)
    files = [out / f"{item.name}.npz" for item in found]
    missing = [index for index, file in enumerate(files) if not _is_made(file, found[index], config)]
    tasks = [(tuple(paths), index, files[index], config, cache) for index in missing]
    done = len(files) - len(missing)
    if progress is not None:
        progress(done, len(files))
    for _ in _results(tasks, jobs):
        done += 1
        if progress is not None:
            progress(done, len(files))
    return files


def front_end_settings(config: LocalizerConfig) -> dict[str, object]:
    """The settings that the grids depend on."""
    return {name: to_mapping(config)[name] for name in FRONT_ENDS}


def _results(tasks: list[tuple[tuple[Path, ...], int, Path, LocalizerConfig, Path | None]], jobs: int) -> Iterator[None]:
    if jobs <= 1 or len(tasks) <= 1:
        for task in tasks:
            _make_one(*task)
            yield None
        return
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_make_one, *task) for task in tasks]):
            future.result()
            yield None


def _make_one(
    paths: tuple[Path, ...], index: int, file: Path, config: LocalizerConfig, cache: Path | None
) -> None:
    """One recording, found again by its place in the list (iterators do not travel between processes)."""
    front_ends = FrontEndCache(cache) if cache is not None else None
    save_grids(make_grid_recording(find_inputs(paths)[index], config, front_ends), file)


def _is_made(file: Path, item: EvaluationInput, config: LocalizerConfig) -> bool:
    if not file.exists():
        return False
    there = load_grids(file)
    if there.settings != front_end_settings(config):
        raise InputError(f"{file} was made with other settings of the front ends: name a new folder")
    source = str(item.path.resolve())
    if there.facts.get("source") != source:
        raise InputError(f"{file} holds the grids of {there.facts.get('source')}, not of {source}: name a new folder")
    return True


def _grids_of(stage: StageFrame, config: LocalizerConfig) -> tuple[int, SpeakerGrid, SpeakerGrid] | None:
    if stage.audio is None or stage.audio.image is None or stage.faces is None:
        return None
    rows, cols = stage.audio.image.layout.shape
    return stage.frame, stage.audio.image, faces_to_grid(stage.faces, rows, cols, config.binary_faces)
