"""Table 1: rows, seeds, ratios and thresholds on reports whose errors are known by construction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from avloc_ros.evaluation import dsw_rows
from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.dsw_rows import ROWS, parse_weights, rows_to_run
from avloc_ros.evaluation.dsw_table import dsw_table
from avloc_ros.evaluation.metrics.localisation import PictureGeometry
from avloc_ros.evaluation.metrics_file import metrics
from avloc_ros.evaluation.pages.report_writer import write_report
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.run import Evaluation
from avloc_ros.evaluation.thresholds import best_threshold, with_validated_thresholds
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError

PICTURE = PictureGeometry(720, 450)
ABOUT = {"weights": [], "command": "avloc evaluate", "machine": {"processor": "p", "cores": 2}}


def recording(make, error_px, seed, found=1.0, scores=(0.9, 0.2), facts=None):
    """One talker, found `error_px` to the right in a share of the frames; else only a weak candidate is there."""
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(30):
        score = scores[0] if rng.random() < found else scores[1]
        u = 315.0 + error_px * (0.5 + rng.random())
        frames.append(
            make.frame(k, [make.row(k, "a", 315.0, 236.25)], [make.candidate(score, u, 236.25, 0.0)])
        )
    return Recording.of(f"r{seed}", frames, PICTURE, facts, own_threshold=0.5)


@pytest.fixture
def rows(monkeypatch):
    """All rows of the table with three seeds of the spatial one, as if every fusion could be opened."""
    monkeypatch.setattr(dsw_rows, "open_fusion_of", lambda choice, config: None)
    rows, left_out = rows_to_run(LocalizerConfig(), {"spatial": ("a.onnx", "b.onnx", "c.onnx")})
    assert not left_out and [row.label for row in rows] == [row.label for row in ROWS]
    return rows


def evaluation_of(make, rows, facts=None):
    """flat raw errs by 20 px and misses a quarter; spatial errs by 5, 6 and 7 px and misses nothing."""
    errors = {"audio only": 60, "video only": 40, "flat raw": 20, "flat refined": 15, "scalar": 25}
    runs = {}
    for row in rows:
        for number, contestant in enumerate(row.contestants):
            error = errors.get(row.label, 5 + number)
            share = 1.0 if row.label == "spatial" else 0.75
            runs[contestant.name] = [recording(make, error, seed, share, facts=facts) for seed in range(6)]
    contestants = [c for row in reversed(rows) for c in row.contestants]
    return Evaluation(tuple(contestants), runs)


def mean_error(recordings):
    return np.mean([abs(f.candidates[0].u_px - 315.0) for r in recordings for f in r.frames])


def test_rows_show_the_mean_and_the_spread_over_seeds(make, rows):
    evaluation = evaluation_of(make, rows)
    table = dsw_table(evaluation, rows, {}, 0.04)
    seeds = [mean_error(evaluation.recordings[c.name]) for c in rows[-1].contestants]
    cell = table["rows"]["spatial"]["own"]["le_px_mean"]
    assert cell["seeds"] == pytest.approx(seeds) and cell["mean"] == pytest.approx(np.mean(seeds))
    assert cell["sd"] == pytest.approx(np.std(seeds, ddof=1))
    assert table["rows"]["flat raw"]["own"]["le_px_mean"]["sd"] is None
    assert table["rows"]["spatial"]["own"]["frame_recall"]["mean"] == 1.0
    assert table["rows"]["spatial"]["paper"]["le_px"] == 4.10 and table["rows"]["flat refined"]["paper"] is None
    assert table["look_ahead_s"] == 0.04 and table["paper_data"] == "AVDIAR, not this data"


def test_ratios_and_differences_are_those_of_the_pooled_figures_with_their_interval(make, rows):
    evaluation = evaluation_of(make, rows)
    row = dsw_table(evaluation, rows, {}, 0.0)["spatial_against"]["flat raw"]
    best = [evaluation.recordings[c.name] for c in rows[-1].contestants]
    other = evaluation.recordings["flat raw"]
    ratio = np.mean([mean_error(run) for run in best]) / mean_error(other)
    assert row["le_px_mean_ratio"]["ratio"] == pytest.approx(ratio)
    rng = np.random.default_rng(3)  # a slow bootstrap of its own
    draws = []
    for _ in range(1500):
        chosen = rng.integers(0, 6, 6)
        above = np.mean([mean_error([run[k] for k in chosen]) for run in best])
        draws.append(above / mean_error([other[k] for k in chosen]))
    low, high = np.percentile(draws, [2.5, 97.5])
    assert row["le_px_mean_ratio"]["low"] == pytest.approx(low, abs=0.005)
    assert row["le_px_mean_ratio"]["high"] == pytest.approx(high, abs=0.005)
    recall = np.mean([f.candidates[0].reported for r in other for f in r.frames])
    assert row["frame_recall"]["difference"] == pytest.approx(1 - recall) and row["frame_recall"]["excludes_zero"]
    assert row["by_talkers"]["1"]["le_px_mean_ratio"]["ratio"] == pytest.approx(ratio)


def test_only_recordings_that_say_so_are_avdiar(make, rows):
    table = dsw_table(evaluation_of(make, rows, {"dataset": "AVDIAR"}), rows, {}, 0.0)
    assert table["paper_data"] == "AVDIAR"


def test_the_report_has_the_table_the_figures_and_a_page(make, rows, tmp_path):
    pytest.importorskip("jinja2", reason="reports are written with jinja2")
    pytest.importorskip("matplotlib", reason="plots are drawn with matplotlib")
    evaluation = evaluation_of(make, rows)
    figures = metrics(evaluation, ABOUT)
    figures["table1"] = dsw_table(evaluation, rows, {"x": "no <weights>"}, 0.04)
    figures["grid_sizes"] = [{"rows": 10, "cols": 12, "threshold": None, "note": "no weights for it"}]
    page = write_report(tmp_path / "out", evaluation, figures).read_text()
    assert "AVDIAR, not this data" in page and "no &lt;weights&gt;" in page and "no weights for it" in page
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert {"figure4_le_cell.png", "figure4_le.png", "figure4_fr.png", "figure4_fp.png", "grid_sizes.png"} <= names
    read = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(read["table1"]["rows"]) == {row.label for row in ROWS}


def test_rows_without_weights_are_left_out_with_the_reason_unless_they_were_asked_for(tmp_path, monkeypatch):
    def only_flat(choice, config):
        if choice.kind == "scalar":
            raise InputError("no scalar weights here")

    monkeypatch.setattr(dsw_rows, "open_fusion_of", only_flat)
    rows, left_out = rows_to_run(LocalizerConfig(), {})
    assert left_out == {"scalar": "no scalar weights here"} and len(rows) == len(ROWS) - 1
    with pytest.raises(InputError, match="no scalar weights here"):
        rows_to_run(LocalizerConfig(), {"scalar": ("a.onnx",)})
    (tmp_path / "a.onnx").touch()
    assert parse_weights([f"scalar={tmp_path / 'a.onnx'}"]) == {"scalar": (str(tmp_path / "a.onnx"),)}
    for words, reason in (("magic=a.onnx", "ROW one of"), ("scalar", "ROW=FILE"), ("scalar=b.onnx", "no file b.onnx")):
        with pytest.raises(InputError, match=reason):
            parse_weights([words])


def test_the_threshold_with_the_best_recall_is_chosen_and_the_middle_of_equals(make):
    # Talkers score 0.8 and are alone: any threshold from 0.31 to 0.8 is right, since the phantoms score 0.3.
    frames = [
        make.frame(
            k, [make.row(k, "a", 100.0, 100.0)], [make.candidate(0.8, 100.0, 100.0), make.candidate(0.3, 500.0, 90.0)]
        )
        for k in range(20)
    ]
    recordings = [Recording.of("v", frames, PICTURE)]
    assert best_threshold(recordings) == pytest.approx(0.56)
    contestants = (Contestant("flat", "none"), Contestant("flat", "sphere"), Contestant("nearest_face", "none"))
    validation = Evaluation(contestants, {c.name: recordings for c in contestants})
    chosen = with_validated_thresholds(contestants, validation)
    assert [c.threshold for c in chosen] == [pytest.approx(0.56), None, None]
    assert [c.name for c in chosen] == [c.name for c in contestants]
