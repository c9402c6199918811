"""Cached grids drawn analytically: voices as noisy blobs, faces as sharp ones, and trouble in a part of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.datasets.grids.grid_recordings import GridRecording

ROWS, COLS, WIDTH, HEIGHT = 20, 24, 720, 450
FRAMES = 20


def blobs(u, v, heights, spread_cells):
    """The largest of Gaussian blobs at pixels u, v: (rows, cols)."""
    grid = np.zeros((ROWS, COLS))
    for x, y, height in zip(u, v, heights, strict=True):
        across = (np.arange(COLS) + 0.5 - x * COLS / WIDTH)[None, :]
        down = (np.arange(ROWS) + 0.5 - y * ROWS / HEIGHT)[:, None]
        grid = np.maximum(grid, height * np.exp(-(across**2 + down**2) / (2 * spread_cells**2)))
    return grid


def draw_recording(seed: int, talkers: int) -> GridRecording:
    """One recording. In half of them one half of the picture is dark: no faces there, and the visibility says so.

    Of all faces some are silent; a loudspeaker without a face makes a blob too, so neither sense is enough alone.
    """
    rng = np.random.default_rng(seed)
    people = talkers + int(rng.integers(0, 3))  # some are seen and silent
    u, v = rng.uniform(30, WIDTH - 30, people), rng.uniform(80, 370, people)
    speaking = np.zeros((FRAMES, people), bool)
    for talker in range(talkers):
        first = int(rng.integers(0, FRAMES // 3))
        speaking[first : first + int(rng.integers(FRAMES // 3, FRAMES)), talker] = True
    dark = np.zeros((ROWS, COLS), bool)
    if seed % 2:
        dark[:, : COLS // 2] = rng.random() < 0.5
        dark[:, COLS // 2 :] = ~dark[:, : COLS // 2]
    lit = ~dark[(v * ROWS / HEIGHT).astype(int), (u * COLS / WIDTH).astype(int)]
    loudspeaker = rng.uniform(0, WIDTH), rng.uniform(80, 370)
    audio, video = np.zeros((FRAMES, ROWS, COLS)), np.zeros((FRAMES, ROWS, COLS))
    for frame in range(FRAMES):
        heard = speaking[frame]
        ear_u = np.r_[u[heard] + rng.normal(0, 18, heard.sum()), loudspeaker[0]]
        ear_v = np.r_[v[heard] + rng.normal(0, 18, heard.sum()), loudspeaker[1]]
        levels = np.r_[rng.uniform(0.4, 0.9, heard.sum()), rng.uniform(0.3, 0.8)]
        audio[frame] = np.clip(blobs(ear_u, ear_v, levels, 1.6) + rng.normal(0, 0.02, (ROWS, COLS)), 0, 1)
        video[frame] = blobs(u[lit], v[lit], rng.uniform(0.6, 1.0, lit.sum()), 0.7)
    visibility = np.where(dark, 0.05, 0.8) + rng.normal(0, 0.03, (FRAMES, ROWS, COLS))
    voice = np.where(speaking.any(1), 0.9, 0.2)[:, None, None] * np.ones((FRAMES, ROWS, COLS))
    return GridRecording(
        f"drawn{seed:03d}",
        audio.astype(np.float16),
        video.astype(np.float16),
        np.stack([visibility.clip(0, 1), voice], axis=1).astype(np.float16),
        np.broadcast_to(u, speaking.shape).astype(np.float32),
        np.broadcast_to(v, speaking.shape).astype(np.float32),
        speaking,
        np.broadcast_to(lit, speaking.shape).copy(),
        (WIDTH, HEIGHT),
        25.0,
        "dark" if dark.any() else "clean",
        {"drawn": True},
    )


@pytest.fixture(scope="session")
def drawn_recordings() -> list[GridRecording]:
    """96 recordings with 1 to 4 talkers."""
    return [draw_recording(seed, 1 + seed % 4) for seed in range(96)]
