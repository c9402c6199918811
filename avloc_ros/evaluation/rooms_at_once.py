"""How many rooms one device serves at 25 frames a second: the networks of many rooms run as one batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from avloc_ros.evaluation.bench_inputs import bench_camera, pictures
from avloc_ros.features.any_array_layout import HOPS
from avloc_ros.runtime.any_array_network import any_array_weights
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.systems.fusion import FusionConfig, fusion_weights

FRAME_MS = 40.0
REPEATS = 15
ROOMS = (1, 2, 4, 8, 16, 32, 64, 128)
FREE_SIZES = {("levels", 1): HOPS} | {(name, 1): 20 for name in ("audio", "video")}  # dimensions that are not the batch
FREE_SIZES |= {(name, 2): 24 for name in ("audio", "video")} | {("reliability", 2): 20, ("reliability", 3): 24}


@dataclass(frozen=True)
class RoomCost:
    """One frame of so many rooms: networks (batched over rooms) and face detector (a picture after the other), ms."""

    rooms: int
    networks_ms: float
    faces_ms: float

    @property
    def total_ms(self) -> float:
        return self.networks_ms + self.faces_ms


def rooms_at_once(device: str, threads: int = 1, progress: Callable[[str], None] = lambda name: None) -> list[RoomCost]:
    """Cost of 1, 2, 4, ... rooms, until a frame takes longer than it lasts."""
    paths = [weights.path for weights in any_array_weights()]
    fusion = fusion_weights(FusionConfig(kind="spatial"))
    paths += [fusion.path] if fusion is not None else []
    engines = [OnnxEngine(path, device, threads) for path in paths]
    picture = pictures(bench_camera(), 1)[0]
    faces = FaceTracker(FaceConfig(device=device, threads=threads, small_faces="off"))
    faces_ms = _median_ms(lambda: faces.step(picture))
    faces.close()
    found: list[RoomCost] = []
    for rooms in ROOMS:
        progress(f"{rooms} rooms")
        batches = [batch_of(engine, rooms) for engine in engines]
        networks_ms = sum(
            _median_ms(lambda engine=engine, batch=batch: engine.run(batch))  # type: ignore[misc]
            for engine, batch in zip(engines, batches, strict=True)
        )
        found.append(RoomCost(rooms, networks_ms, faces_ms * rooms))
        if found[-1].total_ms > FRAME_MS:
            break
    return found


def most_rooms(costs: list[RoomCost]) -> int:
    """Rooms that fit into one frame's time, from the cost per room of the largest batch that was measured."""
    last = costs[-1]
    return int(FRAME_MS // (last.total_ms / last.rooms))


def batch_of(engine: OnnxEngine, rooms: int) -> dict[str, np.ndarray]:
    """Random inputs of one network for one frame of so many rooms."""
    rng = np.random.default_rng(0)
    return {
        name: rng.random([size or FREE_SIZES.get((name, axis), rooms) for axis, size in enumerate(shape)], np.float32)
        for name, shape in engine.inputs.items()
    }


def _median_ms(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(1e3 * np.median(times))
