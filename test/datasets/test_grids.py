"""Targets, the cache, and the split."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from avloc_ros.datasets.grids.grid_recordings import GridRecording, load_grid_folder, load_grids, save_grids
from avloc_ros.datasets.grids.grid_split import SplitConfig, split_recordings
from avloc_ros.datasets.grids.targets import grid_targets
from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.types import Face, FaceDetections, InputError

SIZE = (720, 450)


def recording_of(name, talkers=2, frames=5, rows=4, cols=6, seed=0):
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(0, 720, (frames, talkers)), rng.uniform(0, 450, (frames, talkers))
    return GridRecording(
        name,
        rng.random((frames, rows, cols)).astype(np.float16),
        rng.random((frames, rows, cols)).astype(np.float16),
        rng.random((frames, 2, rows, cols)).astype(np.float16),
        u.astype(np.float32),
        v.astype(np.float32),
        np.ones((frames, talkers), bool),
        rng.random((frames, talkers)) < 0.5,
        SIZE,
        25.0,
        "noisy",
        {"srp": {"rows": 1}},
        {"snr_db": 3.0},
    )


# ------------------------------------------------------------------------------------------------ targets
def test_a_talker_marks_the_cell_that_holds_it():
    u, v = np.array([[0.0, 719.9, np.nan]]), np.array([[0.0, 449.9, np.nan]])
    target = grid_targets(u, v, np.array([[True, True, True]]), SIZE, 20, 24)
    assert target.sum() == 2 and target[0, 0, 0] == 1 and target[0, 19, 23] == 1
    silent = grid_targets(u, v, np.array([[False, True, True]]), SIZE, 20, 24)
    assert silent.sum() == 1


def test_soft_targets_are_those_of_a_certain_face():
    """The video half spreads a face in the same way, so a perfect detector's grid is the target."""
    face = Face(300, 170, 40, 50, 1.0)
    grid = faces_to_grid(FaceDetections(0, (face,), SIZE), 20, 24).probability
    target = grid_targets(*(np.array([[x]]) for x in face.centre), np.array([[True]]), SIZE, 20, 24, 1.0)[0]
    assert np.unravel_index(target.argmax(), target.shape) == np.unravel_index(grid.argmax(), grid.shape)
    kept = target > 0
    np.testing.assert_allclose(target[kept], grid[kept], atol=1e-5)


def test_talkers_two_cells_apart_stay_two_peaks():
    u, v = np.array([[315.0, 375.0]]), np.array([[236.25, 236.25]])  # centres of columns 10 and 12
    target = grid_targets(u, v, np.array([[True, True]]), SIZE, 20, 24, 1.0)[0]
    assert target[10, 10] == target[10, 12] == 1 > target[10, 11]


# ------------------------------------------------------------------------------------------------ cache
def test_a_recording_comes_back_as_it_was(tmp_path):
    first = recording_of("first")
    save_grids(first, tmp_path / "first.npz")
    again = load_grids(tmp_path / "first.npz")
    for name in ("audio", "video", "reliability", "u_px", "v_px", "speaking", "visible"):
        assert getattr(again, name).dtype == getattr(first, name).dtype
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert (again.image_size, again.fps, again.condition) == (SIZE, 25.0, "noisy")
    assert again.settings == first.settings and again.facts == first.facts and again.talkers == 2


def test_what_is_no_cache_is_refused(tmp_path):
    with pytest.raises(InputError, match="no cached grids"):
        load_grid_folder(tmp_path)
    (tmp_path / "wrong.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match="wrong.npz"):
        load_grid_folder(tmp_path)
    (tmp_path / "wrong.npz").unlink()
    save_grids(recording_of("small"), tmp_path / "small.npz")
    save_grids(recording_of("large", rows=5), tmp_path / "large.npz")
    with pytest.raises(InputError, match="one size"):
        load_grid_folder(tmp_path)
    with pytest.raises(InputError, match="video has shape"):
        replace(recording_of("bad"), video=np.zeros((5, 3, 6), np.float16))


# ------------------------------------------------------------------------------------------------ split
@settings(deadline=None, max_examples=40)
@given(
    counts=strategies.lists(strategies.integers(3, 40), min_size=4, max_size=4),
    seed=strategies.integers(0, 100),
)
def test_every_subset_holds_every_number_of_talkers_and_no_scene_twice(counts, seed):
    recordings = [
        recording_of(f"{talkers}_{index}", talkers, frames=1)
        for talkers, count in enumerate(counts, 1)
        for index in range(count)
    ]
    split = split_recordings(recordings, SplitConfig(seed=seed))
    subsets = (split.train, split.validation, split.test)
    names = [recording.name for subset in subsets for recording in subset]
    assert sorted(names) == sorted(recording.name for recording in recordings)
    for subset in subsets:
        assert {recording.talkers for recording in subset} == {1, 2, 3, 4}
    for talkers, count in enumerate(counts, 1):
        held = [sum(r.talkers == talkers for r in subset) for subset in subsets]
        assert abs(held[1] - 0.10 * count) <= 1 and abs(held[2] - 0.15 * count) <= 1.2
    again = split_recordings(recordings[::-1], SplitConfig(seed=seed))
    assert [r.name for r in again.test] == [r.name for r in split.test]


def test_too_few_recordings_are_refused():
    with pytest.raises(InputError, match="at least 3"):
        split_recordings([recording_of("a"), recording_of("b")], SplitConfig())
    with pytest.raises(InputError, match="leave some for the test"):
        split_recordings([recording_of(name) for name in "abcd"], SplitConfig(train=0.9, validation=0.2))


# ------------------------------------------------------------------------------------------------ frames for torch
def test_mirrored_frames_are_mirrored_in_all_parts():
    torch = pytest.importorskip("torch")
    from avloc_ros.datasets.grids.grid_frames import GridFrames
    from avloc_ros.datasets.grids.targets import TargetConfig

    recording = recording_of("one", frames=40)
    torch.manual_seed(0)
    batch = GridFrames([recording], TargetConfig(), mirror=True).__getitems__(list(range(40)))
    plain = GridFrames([recording], TargetConfig()).__getitems__(list(range(40)))
    turned = 0
    for frame in range(40):
        is_turned = not torch.equal(batch["audio"][frame], plain["audio"][frame])
        turned += is_turned
        for name in ("audio", "video", "reliability", "target"):
            expected = plain[name][frame].flip(-1) if is_turned else plain[name][frame]
            assert torch.equal(batch[name][frame], expected)
    assert 10 < turned < 30
    assert torch.equal(plain["count"], torch.full((40,), 2)) and math.isclose(float(plain["target"].max()), 1.0)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -1), (-3, 4), (9, 0)])
def test_shifted_maps_show_what_another_view_would(down, right):
    torch = pytest.importorskip("torch")
    from avloc_ros.datasets.grids.grid_frames import shifted

    maps = np.random.default_rng(3).random((2, 5, 6)).astype(np.float32) + 0.1
    empty, repeated = np.zeros_like(maps), np.empty_like(maps)
    for row in range(5):
        for col in range(6):
            from_row, from_col = row - down, col - right
            if 0 <= from_row < 5 and 0 <= from_col < 6:
                empty[:, row, col] = maps[:, from_row, from_col]
            repeated[:, row, col] = maps[:, min(max(from_row, 0), 4), min(max(from_col, 0), 5)]
    np.testing.assert_array_equal(shifted(torch.from_numpy(maps), down, right, True).numpy(), empty)
    np.testing.assert_array_equal(shifted(torch.from_numpy(maps), down, right, False).numpy(), repeated)


def test_a_shifted_batch_moves_all_maps_alike_and_keeps_what_is_known_of_the_border():
    torch = pytest.importorskip("torch")
    from avloc_ros.datasets.grids.grid_frames import GridFrames, shifted
    from avloc_ros.datasets.grids.targets import TargetConfig

    recording, seen = recording_of("one", frames=12), set()
    frames, plain = GridFrames([recording], TargetConfig(), shift_cells=1), GridFrames([recording], TargetConfig())
    still = plain.__getitems__(list(range(12)))
    for seed in range(30):
        torch.manual_seed(seed)
        batch = frames.__getitems__(list(range(12)))
        moves = [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if all(
                torch.equal(batch[name], shifted(still[name], down, right, name != "reliability"))
                for name in ("audio", "video", "target", "reliability")
            )
        ]
        assert len(moves) == 1
        seen |= set(moves)
    assert len(seen) > 5


def test_every_second_frame_of_each_recording():
    torch = pytest.importorskip("torch")
    from avloc_ros.datasets.grids.grid_frames import GridFrames
    from avloc_ros.datasets.grids.targets import TargetConfig

    recordings = [recording_of("one", frames=5), recording_of("two", frames=4, seed=1)]
    few, every = GridFrames(recordings, TargetConfig(), every=2), GridFrames(recordings, TargetConfig())
    assert len(few) == 3 + 2
    chosen, same = few.__getitems__(list(range(5))), every.__getitems__([0, 2, 4, 5, 7])
    assert all(torch.equal(chosen[name], same[name]) for name in same)
