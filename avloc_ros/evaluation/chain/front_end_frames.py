"""What a front end says about each frame of a recording, and the arrays in which that is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.types import Face, FaceDetections, GridLayout, Modality, Projection, SpeakerGrid

Arrays = dict[str, np.ndarray]
WEIGHTS = ("audio_weight", "video_weight")  # of a grid: numbers () or maps (rows, cols), in all frames or in none


@dataclass(frozen=True)
class HeardFrame:
    """The audio tracker's grids of one frame (None without sound), and how long it took."""

    frame: int
    stamp_ns: int
    grids: AudioGrids | None
    took_ms: float


@dataclass(frozen=True)
class SeenFrame:
    """The faces of one frame (None without a picture), and how long the detector took."""

    frame: int
    stamp_ns: int
    faces: FaceDetections | None
    took_ms: float


def heard_arrays(frames: Sequence[HeardFrame]) -> Arrays:
    """All grids of a recording as arrays, exactly: float32 probabilities (grids, rows, cols)."""
    present = [frame.grids for frame in frames if frame.grids is not None]
    arrays = _times(frames) | {
        "present": np.array([frame.grids is not None for frame in frames], bool),
        "voice": np.array([grids.voice_probability for grids in present], float),
        "reasons": _text([list(grids.reasons) for grids in present]),
    }
    arrays |= _grid_arrays("sphere", [grids.sphere for grids in present])
    images = [grids.image for grids in present if grids.image is not None]
    return arrays | (_grid_arrays("image", images) if images else {})


def heard_frames(arrays: Mapping[str, np.ndarray]) -> list[HeardFrame]:
    """The frames that `heard_arrays` was given. Raises KeyError or ValueError where arrays are missing or damaged."""
    spheres = _grids("sphere", arrays)
    images: Sequence[SpeakerGrid | None] = (
        _grids("image", arrays) if "image_about" in arrays else [None] * len(spheres)
    )
    reasons = json.loads(str(arrays["reasons"]))
    grids = iter(
        AudioGrids(image, sphere, float(voice), tuple(why))
        for image, sphere, voice, why in zip(images, spheres, arrays["voice"], reasons, strict=True)
    )
    return [
        HeardFrame(frame, stamp_ns, next(grids) if there else None, took_ms)
        for (frame, stamp_ns, took_ms), there in zip(_rows_of_times(arrays), arrays["present"], strict=True)
    ]


def seen_arrays(frames: Sequence[SeenFrame]) -> Arrays:
    """All faces of a recording as arrays: boxes (faces, 4), scores (faces,), landmarks as text."""
    pictures = [frame.faces for frame in frames if frame.faces is not None]
    faces = [face for picture in pictures for face in picture.faces]
    return _times(frames) | {
        "present": np.array([frame.faces is not None for frame in frames], bool),
        "counts": np.array([len(picture.faces) for picture in pictures], np.int64),
        "boxes": np.array([(f.left, f.top, f.width, f.height) for f in faces], float).reshape(-1, 4),
        "scores": np.array([f.score for f in faces], float),
        "sizes": np.array([picture.image_size for picture in pictures], np.int64).reshape(-1, 2),
        "mouths": np.array([np.nan if f.mouth_motion is None else f.mouth_motion for f in faces], float),
        "stamps_of_pictures": np.array([picture.stamp_ns for picture in pictures], np.int64),
        **{f"map_{name}": np.stack([getattr(p, name) for p in pictures]) for name in _maps_of(pictures)},
        "more": _text(
            [[f.landmarks for f in faces], [f.id for f in faces], [picture.frame_id for picture in pictures]]
        ),
    }


def seen_frames(arrays: Mapping[str, np.ndarray]) -> list[SeenFrame]:
    """The frames that `seen_arrays` was given. Raises KeyError or ValueError where arrays are missing or damaged."""
    landmarks, names, frame_ids = json.loads(str(arrays["more"]))
    faces = [
        Face(
            float(box[0]), float(box[1]), float(box[2]), float(box[3]), float(score),
            tuple((float(u), float(v)) for u, v in points), name, float(motion) if np.isfinite(motion) else None,
        )
        for box, score, points, name, motion in zip(
            arrays["boxes"], arrays["scores"], landmarks, names, arrays["mouths"], strict=True
        )
    ]
    ends = np.cumsum(arrays["counts"])
    maps = {name.removeprefix("map_"): arrays[name] for name in arrays if name.startswith("map_")}
    pictures = iter(
        FaceDetections(
            int(stamp), tuple(faces[end - count : end]), (int(size[0]), int(size[1])), frame_id,
            **{name: rows[number] for name, rows in maps.items()},
        )
        for number, (stamp, count, end, size, frame_id) in enumerate(
            zip(arrays["stamps_of_pictures"], arrays["counts"], ends, arrays["sizes"], frame_ids, strict=True)
        )
    )  # fmt: skip
    return [
        SeenFrame(frame, stamp_ns, next(pictures) if there else None, took_ms)
        for (frame, stamp_ns, took_ms), there in zip(_rows_of_times(arrays), arrays["present"], strict=True)
    ]


def _times(frames: Sequence[HeardFrame] | Sequence[SeenFrame]) -> Arrays:
    return {
        "frame": np.array([frame.frame for frame in frames], np.int64),
        "stamp_ns": np.array([frame.stamp_ns for frame in frames], np.int64),
        "took_ms": np.array([frame.took_ms for frame in frames], float),
    }


def _rows_of_times(arrays: Mapping[str, np.ndarray]) -> list[tuple[int, int, float]]:
    columns = (arrays["frame"].tolist(), arrays["stamp_ns"].tolist(), arrays["took_ms"].tolist())
    return list(zip(*columns, strict=True))


def _maps_of(pictures: Sequence[FaceDetections]) -> list[str]:
    """Names of the fields that hold an array in every picture, such as how well each part of it is seen."""
    names = [item.name for item in fields(FaceDetections)]
    return [n for n in names if pictures and all(isinstance(getattr(p, n), np.ndarray) for p in pictures)]


def _grid_arrays(name: str, grids: Sequence[SpeakerGrid]) -> Arrays:
    """Grids of one layout: probabilities (grids, rows, cols), thresholds, stamps, windows, and what they share."""
    if not grids:
        return {f"{name}_about": _text(None)}
    about = {"layout": asdict(grids[0].layout), "system": grids[0].system, "frame_id": grids[0].frame_id}
    return {
        f"{name}_about": _text(about),
        f"{name}_probability": np.stack([grid.probability for grid in grids]).astype(np.float32),
        f"{name}_threshold": np.array([grid.threshold for grid in grids], float),
        f"{name}_stamp_ns": np.array([grid.stamp_ns for grid in grids], np.int64),
        f"{name}_window_s": np.array([grid.window_s for grid in grids], float),
        **{
            f"{name}_{weight}": np.stack([getattr(grid, weight) for grid in grids])
            for weight in WEIGHTS
            if all(getattr(grid, weight) is not None for grid in grids)
        },
    }


def _grids(name: str, arrays: Mapping[str, np.ndarray]) -> list[SpeakerGrid]:
    about: dict[str, Any] | None = json.loads(str(arrays[f"{name}_about"]))
    if about is None:
        return []
    weights = [arrays.get(f"{name}_{weight}") for weight in WEIGHTS]
    layout = GridLayout(**about["layout"] | {"projection": Projection(about["layout"]["projection"])})
    return [
        SpeakerGrid(
            int(stamp), layout, Modality.AUDIO, probability, float(threshold), about["system"], about["frame_id"],
            float(window_s), *(rows[number] if rows is not None else None for rows in weights),
        )
        for number, (probability, threshold, stamp, window_s) in enumerate(
            zip(*(arrays[f"{name}_{key}"] for key in ("probability", "threshold", "stamp_ns", "window_s")), strict=True)
        )
    ]  # fmt: skip


def _text(content: Any) -> np.ndarray:
    return np.array(json.dumps(content))
