"""Flat fusion against the paper's formula, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.geometry import image_grid
from avloc_ros.systems.flat_fusion import FlatFusion, weighted_fusion
from avloc_ros.types import InputError, Modality, SpeakerGrid


def grid_of(values, modality, stamp_ns=7):
    return SpeakerGrid(
        stamp_ns, image_grid(4, 2, 2, 4), modality, np.asarray(values, np.float32), 0.5, "test"
    )


AUDIO = grid_of([[0.5, 0.0, 1.0, 0.2], [0.1, 0.3, 0.9, np.nan]], Modality.AUDIO)
VIDEO = grid_of([[0.5, 0.8, 0.0, 1.0], [1.0, 0.0, 0.9, 1.0]], Modality.VIDEO)


def test_equation_1_cell_by_cell():
    fused = FlatFusion().step(AUDIO, VIDEO)
    assert fused.modality == Modality.FUSED and fused.stamp_ns == 7
    for row in range(2):
        for col in range(4):
            a, v = float(AUDIO.probability[row, col]), float(VIDEO.probability[row, col])
            a = 1e-6 if math.isnan(a) else max(a, 1e-6)
            expected = math.exp(math.log(a) + math.log(max(v, 1e-6)))
            assert float(fused.probability[row, col]) == pytest.approx(expected, rel=1e-5)


def test_equation_2_with_scalar_and_spatial_weights():
    scalar = weighted_fusion(AUDIO.probability, VIDEO.probability, 0.3, 0.7)
    assert scalar[0, 0] == pytest.approx(0.5, rel=1e-6)
    assert scalar[1, 2] == pytest.approx(0.9, rel=1e-6)
    weights = np.zeros((2, 4))
    weights[0, 3] = 1.0
    spatial = weighted_fusion(AUDIO.probability, VIDEO.probability, weights, 1 - weights)
    assert spatial[0, 3] == pytest.approx(0.2, rel=1e-6) and spatial[1, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("only", [AUDIO, VIDEO])
def test_one_missing_stream_passes_the_other_through(only):
    pair = (only, None) if only.modality == Modality.AUDIO else (None, only)
    assert FlatFusion().step(*pair) is only


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(InputError, match="nothing to fuse"):
        FlatFusion().step(None, None)
    with pytest.raises(InputError, match="different moments"):
        FlatFusion().step(AUDIO, replace(VIDEO, stamp_ns=8))
    with pytest.raises(InputError, match="do not match"):
        FlatFusion().step(AUDIO, replace(VIDEO, layout=image_grid(8, 2, 2, 4)))
