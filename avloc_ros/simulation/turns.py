"""Who talks when: turn-taking with pauses and overlaps, and which picture of a clip is shown meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

OVERLAP_AND_PAUSE_S = (-0.9, 0.7)  # gap between two turns: negative is an overlap
OWN_PAUSE_S = (0.2, 1.2)  # between the turns of one who does not wait for the others
MARGIN_FRAMES = 3  # shown and heard on either side of the speech


@dataclass(frozen=True)
class Excerpt:
    """The part of a talker's clip that one turn plays: frames [first, end)."""

    first: int
    end: int

    @property
    def frames(self) -> int:
        return self.end - self.first


@dataclass(frozen=True)
class Turn:
    """Talker number `talker` starts excerpt frame 0 at scene frame `start`."""

    talker: int
    start: int
    excerpt: Excerpt

    @property
    def end(self) -> int:
        return self.start + self.excerpt.frames


def speech_excerpt(speaking: np.ndarray) -> Excerpt:
    """From shortly before the first to shortly after the last frame with speech."""
    heard = np.flatnonzero(speaking)
    return Excerpt(
        max(0, int(heard[0]) - MARGIN_FRAMES), min(len(speaking), int(heard[-1]) + 1 + MARGIN_FRAMES)
    )


def draw_turns(
    rng: np.random.Generator, excerpts: list[Excerpt], talkative: list[int], frames: int, fps: float
) -> list[Turn]:
    """Turns that fill a scene of `frames`; nobody talks over himself, a turn is cut off by the end of the scene.

    excerpts: one per talker; talkative: the talkers who ever speak.
    """
    turns: list[Turn] = []
    free_from = dict.fromkeys(talkative, 0)
    cursor, last = round(rng.uniform(0.2, 1.0) * fps), -1
    while cursor < frames - 10:
        others = [t for t in talkative if t != last]
        fresh = [t for t in others if not any(turn.talker == t for turn in turns)]
        talker = int(rng.choice(fresh or others or talkative))
        gap = rng.uniform(*OVERLAP_AND_PAUSE_S) if turns else 0.0
        start = max(cursor + round(gap * fps), free_from[talker], 0)
        if start >= frames - 10:
            break
        turns.append(Turn(talker, start, excerpts[talker]))
        free_from[talker] = turns[-1].end + 1
        cursor, last = max(cursor, turns[-1].end), talker
    return turns


def draw_turns_together(
    rng: np.random.Generator, excerpts: list[Excerpt], talkative: list[int], frames: int, fps: float
) -> list[Turn]:
    """Turns of talkers who do not wait for each other: everybody says his excerpt again and again, with pauses of his own."""
    turns: list[Turn] = []
    for talker in talkative:
        start = round(rng.uniform(0.0, 1.5) * fps)
        while start < frames - 10:
            turns.append(Turn(talker, start, excerpts[talker]))
            start = turns[-1].end + max(1, round(rng.uniform(*OWN_PAUSE_S) * fps))
    return sorted(turns, key=lambda turn: turn.start)


def shown_frames(turns: list[Turn], clip_frames: int, excerpt: Excerpt, frames: int) -> np.ndarray:
    """Which clip frame is shown in each scene frame: int (frames,), for the turns of one talker.

    Between turns the silent lead-in or the tail of the clip swings to and fro, so the talker waits alive with the mouth
    shut, and arrives exactly at the first frame of the next turn.
    """
    shown = np.full(frames, -1)
    for turn in turns:
        end = min(turn.end, frames)
        shown[turn.start : end] = excerpt.first + np.arange(end - turn.start)
    ends = [0, *(min(turn.end, frames) for turn in turns)]
    starts = [*(turn.start for turn in turns), frames]
    for index, (idle_from, idle_to) in enumerate(zip(ends, starts, strict=True)):
        gap = np.arange(idle_from, idle_to)
        lead_in = excerpt.first - _swing(starts[index] - gap, excerpt.first)
        tail = excerpt.end - 1 + _swing(gap - idle_from + 1, clip_frames - excerpt.end)
        halfway = (
            idle_from if index == 0 else (idle_to if index == len(turns) else (idle_from + idle_to) // 2)
        )
        shown[idle_from:idle_to] = np.where(gap < halfway, tail, lead_in)
    return shown


def _swing(steps: np.ndarray, length: int) -> np.ndarray:
    """0, 1, .. length, .. 1, 0, 1, .. for steps 0, 1, 2, ..: a triangle between 0 and length."""
    if length < 1:
        return np.zeros_like(steps)
    phase = steps % (2 * length)
    return np.minimum(phase, 2 * length - phase)
