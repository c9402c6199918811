"""Short hand for truth rows and candidates."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.frame_report import Candidate, FrameReport
from avloc_ros.sources.truth import TruthRow


class Make:
    """Builds frames from plain numbers."""

    @staticmethod
    def row(frame, speaker, u=None, v=None, azimuth_deg=0.0, speaking=True):
        azimuth = float(np.radians(azimuth_deg))
        return TruthRow(
            frame, frame / 25, speaker, u, v, *[None] * 4, azimuth, 0.0, 2.0, speaking, u is not None
        )

    @staticmethod
    def candidate(score, u=None, v=None, azimuth_deg=None, reported=None, id=""):
        azimuth = None if azimuth_deg is None else float(np.radians(azimuth_deg))
        return Candidate(score, score >= 0.5 if reported is None else reported, u, v, azimuth, 0.0, id)

    @staticmethod
    def frame(number, truth=(), candidates=()):
        return FrameReport(number, number / 25, tuple(truth), tuple(candidates), 1.0)


@pytest.fixture
def make() -> Make:
    return Make()
