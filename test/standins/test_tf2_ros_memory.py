"""Our stand-in only: what a buffer keeps does not grow with the number of frames that ever were."""

from __future__ import annotations

import pytest

frame_tree = pytest.importorskip("tf2_ros.frame_tree", reason="the real tf2_ros keeps its frames in C++")


def test_a_frame_that_is_gone_keeps_one_transform() -> None:
    from tf2_ros.frame_history import ParentLink
    from tf2_ros.rigid_transform import RigidTransform

    tree = frame_tree.FrameTree(cache_ns=10_000_000_000)
    for index in range(5000):  # 200 s at 25 Hz, a new frame every 2 s
        link = ParentLink("array", RigidTransform(), index * 40_000_000)
        tree.insert(f"voice_{index // 50}", link, is_static=False)
    kept = [len(history._links) for history in tree._histories.values()]
    assert len(kept) == 100
    assert min(kept) == 1
    assert sum(kept) < 100 + 2 * (250 + frame_tree.EXPIRE_EVERY)
