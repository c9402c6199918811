"""How many rooms one device serves at 25 frames a second: the networks of many rooms run as one batch.

What is no network (spectra, steering, the mixture of directions, making pictures ready, reading boxes) runs on the CPU, room by
room, whatever the device: its cost for one room stands beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from avloc_ros.bench.inputs import bench_camera, pictures, plane_waves, sphere_array
from avloc_ros.bench.stage_costs import WARM_UP, bench_ear, timed
from avloc_ros.features.directions.talker_candidates import MOST as MOST_CANDIDATES
from avloc_ros.features.inputs.any_array_layout import HOPS
from avloc_ros.runtime.any_array_network import any_array_weights
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.mixture_network import mixture_weights
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.systems.fusion import FusionConfig, fusion_weights

FRAME_MS = 40.0
REPEATS = 15
ROOMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FREE_SIZES = {("levels", 1): HOPS} | {(name, 1): 20 for name in ("audio", "video")}  # dimensions that are not the batch
FREE_SIZES |= {(name, 2): 24 for name in ("audio", "video")} | {("reliability", 2): 20, ("reliability", 3): 24}


@dataclass(frozen=True)
class RoomCost:
    """One frame of so many rooms, ms: the networks of ear and fusion, and the face network, each as one batch."""

    rooms: int
    networks_ms: float
    faces_ms: float

    @property
    def total_ms(self) -> float:
        return self.networks_ms + self.faces_ms


@dataclass(frozen=True)
class RoomCosts:
    """per_frame: of 1, 2, 4, ... rooms. cpu_ms: what is no network, for one frame of one room, on one core."""

    per_frame: tuple[RoomCost, ...]
    cpu_ms: float

    @property
    def by_networks(self) -> int:
        """Rooms whose networks fit into one frame's time, by the best cost per room that was measured."""
        return int(FRAME_MS // min(cost.total_ms / cost.rooms for cost in self.per_frame))

    @property
    def by_core(self) -> int:
        """Rooms for which one core of the CPU does the rest."""
        return int(FRAME_MS // self.cpu_ms)


def rooms_at_once(device: str, threads: int = 1, progress: Callable[[str], None] = lambda name: None) -> RoomCosts:
    """Cost of 1, 2, 4, ... rooms, until a frame takes longer than it lasts."""
    fusion = fusion_weights(FusionConfig(kind="spatial"))
    hear = [OnnxEngine(weights.path, device, threads) for weights in any_array_weights()]
    weigh = OnnxEngine(mixture_weights().path, device, threads)
    fuse = [OnnxEngine(fusion.path, device, threads)] if fusion is not None else []
    faces = FaceTracker(FaceConfig(device=device, threads=threads, small_faces="off"))
    look = faces.engines[0]
    width, height = faces.status().input_size
    found: list[RoomCost] = []
    for rooms in ROOMS:
        progress(f"{rooms} rooms")
        networks_ms = sum(_median_ms(engine, batch_of(engine, rooms)) for engine in (*hear, *fuse))
        networks_ms += _median_ms(weigh, batch_of(weigh, rooms * MOST_CANDIDATES))
        seen = {name: np.full((rooms, 3, height, width), 127, np.float32) for name in look.inputs}
        found.append(RoomCost(rooms, networks_ms, _median_ms(look, seen)))
        if found[-1].total_ms > FRAME_MS:
            break
    progress("the rest, on the CPU")
    alone_ms = sum(_median_ms(engine, batch_of(engine, 1)) for engine in hear)
    alone_ms += _median_ms(weigh, batch_of(weigh, MOST_CANDIDATES)) + found[0].faces_ms
    array = sphere_array(6)
    windows, images = plane_waves(array, [0.3], REPEATS + WARM_UP), pictures(bench_camera(), REPEATS + WARM_UP)
    ear = bench_ear("blend", device, array)
    whole_ms = timed(lambda i: ear.step(windows[i]), REPEATS).median_ms
    whole_ms += timed(lambda i: faces.step(images[i]), REPEATS).median_ms
    faces.close()
    return RoomCosts(tuple(found), max(whole_ms - alone_ms, 1e-3))


def batch_of(engine: OnnxEngine, rooms: int) -> dict[str, np.ndarray]:
    """Random inputs of one network for one frame of so many rooms."""
    rng = np.random.default_rng(0)
    return {
        name: rng.random([size or FREE_SIZES.get((name, axis), rooms) for axis, size in enumerate(shape)], np.float32)
        for name, shape in engine.inputs.items()
    }


def _median_ms(engine: OnnxEngine, batch: dict[str, np.ndarray]) -> float:
    return timed(lambda _: engine.run(batch), REPEATS).median_ms
