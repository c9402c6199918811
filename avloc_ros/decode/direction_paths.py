"""From the directions of single label frames to paths through a chunk: of what stands still or moves along, one path each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting


@dataclass(frozen=True)
class PathsConfig:
    """How directions are linked."""

    step_deg: float = setting(15.0, "from one label frame to the next of a path at most", low=1.0, high=90.0)
    gap_frames: int = setting(5, "after a longer gap a path goes on only within `return_deg`", low=0, high=1000)
    return_deg: float = setting(12.0, "of a direction to the path's last one, however long the gap", low=0.0, high=90.0)
    same_deg: float = setting(12.0, "directions of one label frame nearer to each other than this are one", low=0.0, high=90.0)
    most: int = setting(12, "paths that are kept", low=1, high=1000)


@dataclass
class DirectionPath:
    """directions (frames, 3) of a whole chunk: where none was seen that of the nearest frame; seen (frames,); sum of shares."""

    directions: np.ndarray
    seen: np.ndarray
    share: float = 0.0


def link_directions(seen: list[tuple[np.ndarray, np.ndarray]], config: PathsConfig) -> list[DirectionPath]:
    """Paths, that of the largest share first, of directions (n, 3) with shares (n,) by label frame."""
    frames = len(seen)
    paths: list[DirectionPath] = []
    last: list[int] = []
    for frame, (directions, shares) in enumerate(seen):
        directions, shares = _distinct(directions, shares, config.same_deg)
        if not len(directions):
            continue
        cosines = np.full((len(paths), len(directions)), -2.0)
        if paths:
            ends = np.stack([path.directions[end] for path, end in zip(paths, last, strict=True)])
            cosines = ends @ directions.T
            gap = frame - np.array(last)
            limit = np.where(gap <= config.gap_frames + 1, config.step_deg, config.return_deg)
            cosines[cosines < np.cos(np.radians(limit))[:, None]] = -2.0
        free = np.ones(len(directions), bool)
        while cosines.size and cosines.max() > -2.0:
            number, which = divmod(int(cosines.argmax()), len(directions))
            _put(paths[number], frame, directions[which], float(shares[which]))
            last[number], free[which] = frame, False
            cosines[number], cosines[:, which] = -2.0, -2.0
        for which in np.flatnonzero(free).tolist():
            paths.append(DirectionPath(np.zeros((frames, 3)), np.zeros(frames, bool)))
            last.append(frame)
            _put(paths[-1], frame, directions[which], float(shares[which]))
    kept = sorted(paths, key=lambda path: -path.share)[: config.most]
    for path in kept:
        own = np.flatnonzero(path.seen)
        nearest = own[np.abs(np.arange(frames)[:, None] - own).argmin(1)]
        path.directions = path.directions[nearest]
    return kept


def _put(path: DirectionPath, frame: int, direction: np.ndarray, share: float) -> None:
    path.directions[frame], path.seen[frame] = direction, True
    path.share += share


def _distinct(directions: np.ndarray, shares: np.ndarray, same_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Without those that are nearly where one of a larger share is."""
    order = np.argsort(-shares)
    directions, shares = directions[order], shares[order]
    kept: list[int] = []
    for index in range(len(directions)):
        if not kept or (directions[kept] @ directions[index]).max() < np.cos(np.radians(same_deg)):
            kept.append(index)
    return directions[kept], shares[kept]
