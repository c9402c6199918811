"""What a system said about one frame, beside what is true: the one form on which every metric is computed."""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.sources.truth import TruthRow


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a system holds possible. u_px, v_px: None outside the picture; azimuth: array frame or None.

    score orders the candidates and is what a threshold applies to: the probability of a grid's peak, or of a track that
    it speaks. reported: whether the system reports it as a speaker at its own threshold. id: "" without tracking.
    """

    score: float
    reported: bool
    u_px: float | None = None
    v_px: float | None = None
    azimuth_rad: float | None = None
    elevation_rad: float | None = None
    id: str = ""

    @property
    def in_picture(self) -> bool:
        return self.u_px is not None


@dataclass(frozen=True, slots=True)
class FrameReport:
    """One frame: the truth of all talkers, and the system's candidates, best first. processing_ms: of this frame."""

    frame: int
    time_s: float
    truth: tuple[TruthRow, ...]
    candidates: tuple[Candidate, ...]
    processing_ms: float = 0.0

    def talkers_in_picture(self) -> list[TruthRow]:
        """Those whom LE, FR and FP count: who speak inside the picture, lit or not."""
        return [row for row in self.truth if row.speaking and row.in_picture]

    def talkers(self) -> list[TruthRow]:
        """All who speak."""
        return [row for row in self.truth if row.speaking]

    def reported(self, threshold: float | None = None) -> list[Candidate]:
        """What the system reports: by its own decision, or all with a score of at least `threshold`."""
        return [c for c in self.candidates if (c.reported if threshold is None else c.score >= threshold)]
