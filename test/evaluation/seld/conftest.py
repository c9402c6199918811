"""Random event files with overlap of one class, shared by the tests of the scores."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.sources.dcase_csv import EventRow


@pytest.fixture(scope="session")
def slow():
    """The slow reference implementation (tests are files, not a package)."""
    path = Path(__file__).with_name("slow_rules.py")
    spec = importlib.util.spec_from_file_location("slow_rules", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["slow_rules"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def random_case():
    """make(seed) -> (reference, predicted): a few seconds, few classes, up to three of one class at once."""

    def make(seed: int, classes: int = 4, seconds: int = 4):
        rng = np.random.default_rng(seed)
        reference, predicted = [], []
        for source in range(int(rng.integers(2, 9))):
            k, start = int(rng.integers(classes)), int(rng.integers(0, 10 * seconds - 3))
            azimuth, elevation = rng.uniform(-180, 180), rng.uniform(-60, 60)
            distance, error = rng.uniform(0.5, 4), rng.choice([3.0, 15.0, 40.0])
            for f in range(start, min(10 * seconds, start + int(rng.integers(1, 25)))):
                reference.append(EventRow(f, k, source, azimuth, elevation, distance))
                if rng.random() < 0.6:
                    wrong = int(rng.integers(classes)) if rng.random() < 0.1 else k
                    angles = (
                        azimuth + rng.normal(0, error),
                        float(np.clip(elevation + rng.normal(0, error), -89, 89)),
                    )
                    angles = float(np.clip(angles[0], -359, 359)), angles[1]
                    late = f + int(rng.integers(0, 2)) * 12 * (rng.random() < 0.05)
                    predicted.append(EventRow(late, wrong, 0, *angles, distance * rng.uniform(0.3, 2.4)))
        for _ in range(int(rng.integers(0, 12))):
            angles = rng.uniform(-180, 180), rng.uniform(-80, 80)
            predicted.append(
                EventRow(int(rng.integers(10 * seconds + 5)), int(rng.integers(classes)), 0, *angles, 1.0)
            )
        return reference, predicted

    return make
