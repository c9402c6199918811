"""The demo's numbers of glasses, on a drawn case that can be counted by hand, and its page."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from avloc_ros.evaluation.pages.active_speaker_report import (
    HeardWearer,
    active_speaker_numbers,
    plot_wearer,
    write_active_speaker_page,
)

TRUE_WEARER = np.array([0, 1, 1, 0], bool)
TRUE_MASKS = np.zeros((4, 4, 5), bool)
TRUE_MASKS[1, 1:3, 1:3] = True
HEARD = [HeardWearer(frame, frame >= 2, 0.9 if frame >= 2 else 0.1, 210.0 + frame) for frame in range(5)]  # 4: none


def masks():
    marked = np.zeros((4, 5), bool)
    marked[1:3, 2:4] = True
    return {1: marked, 2: np.zeros((4, 5), bool), 9: marked, 3: np.ones((2, 2), bool)}  # 9 is none, 3 of another size


def test_numbers_are_those_counted_by_hand():
    numbers = active_speaker_numbers(HEARD, masks(), TRUE_WEARER, TRUE_MASKS)
    assert [numbers["wearer"][key] for key in ("true_positives", "false_positives", "false_negatives")] == [1, 1, 1]
    assert [numbers["mask"][key] for key in ("true_positives", "false_positives", "false_negatives")] == [2, 2, 2]
    assert numbers["mask"]["true_negatives"] == 40 - 6
    assert numbers["frames_reported"] == 4 and numbers["latency_ms"]["p50"] == pytest.approx(211.5)


def test_the_page_shows_the_numbers_and_names_what_lies_beside_it(tmp_path):
    plot_wearer(HEARD, masks(), TRUE_WEARER, TRUE_MASKS, 20.0, tmp_path / "activity.png")
    numbers = active_speaker_numbers([], {}, TRUE_WEARER, TRUE_MASKS) | {"scene": "A <scene>"}
    page = write_active_speaker_page(tmp_path, numbers, None, "activity.png", {"bag": "all topics"}).read_text()
    assert "A &lt;scene&gt;" in page and 'href="bag"' in page and "<video" not in page
    assert (tmp_path / "activity.png").stat().st_size > 5000
