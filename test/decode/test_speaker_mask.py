"""From a drawn mask back to the rectangles it was drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.speaker_mask import binary_mask, blobs_to_grid, speaker_blobs
from avloc_ros.geometry import CameraModel
from avloc_ros.tracking.config import AudioEvidenceConfig
from avloc_ros.tracking.evidence import is_refined, sound_bearings
from avloc_ros.types import InputError, Modality


def drawn():
    """Two rectangles of likely pixels and a speck, on (36, 64)."""
    probability = np.full((36, 64), 0.1, np.float32)
    probability[10:16, 20:26] = 0.9
    probability[20:24, 50:60] = 0.7
    probability[2, 2] = 1.0
    return probability


def test_blobs_are_the_rectangles_in_pixels_of_the_picture():
    blobs = speaker_blobs(drawn(), 0.5, 640, 360)
    assert [(b.u, b.v) for b in blobs] == [pytest.approx((230, 130)), pytest.approx((550, 220))]
    assert [b.probability for b in blobs] == pytest.approx([0.9, 0.7])
    assert speaker_blobs(drawn(), 0.95, 640, 360) == []


def test_a_speck_is_as_small_a_part_of_a_fine_picture_as_of_a_coarse_one():
    fine = np.zeros((144, 256), np.float32)
    fine[10:13, 10:14], fine[50:54, 100:104] = 0.9, 0.8  # 12 pixels of 36864, and 16
    assert [b.probability for b in speaker_blobs(fine, 0.5, 256, 144)] == pytest.approx([0.8])


def test_the_binary_mask_has_the_pictures_size_and_no_other_values():
    mask = binary_mask(drawn(), 0.5, 640, 360)
    assert mask.shape == (360, 640) and mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    assert mask[105:155, 205:255].all() and mask[205:235, 505:595].all() and not mask[170:190].any()
    same = binary_mask(drawn(), 0.5, 64, 36)
    assert (same == np.where(drawn() >= 0.5, 255, 0)).all()


def test_the_grid_gives_the_tracker_one_bearing_per_blob():
    camera = CameraModel(640, 360, 320.0, 320.0, 320.0, 180.0)
    grid = blobs_to_grid(
        speaker_blobs(drawn(), 0.5, 640, 360), 7, (640, 360), (36, 64), threshold=0.5, system="asl_unet"
    )
    assert grid.modality == Modality.FUSED and is_refined(grid) and grid.stamp_ns == 7
    bearings = sound_bearings(grid, camera, AudioEvidenceConfig(), 2.0)
    assert len(bearings) == 2
    for bearing, pixel in zip(bearings, ((230, 130), (550, 220)), strict=True):
        error = np.degrees(np.arccos(np.clip(bearing.direction @ camera.rays(np.array(pixel, float)), -1, 1)))
        assert error < 1.5  # a cell is 10 pixels
    assert bearings[0].probability == pytest.approx(0.9, abs=0.01)


def test_a_grid_without_cells_is_refused():
    with pytest.raises(InputError, match="0x64 cells"):
        blobs_to_grid([], 0, (640, 360), (0, 64), threshold=0.5, system="asl_unet")
