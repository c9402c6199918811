"""The rules of DCASE 2022/23 and 2024 written out plainly and slowly: no library assignment, no shared code."""

from __future__ import annotations

import itertools
import math


def haversine_deg(a, b):
    """Angle between (azimuth, elevation) pairs in degrees, by the haversine formula."""
    az1, el1, az2, el2 = (math.radians(x) for x in (*a, *b))
    h = math.sin((el1 - el2) / 2) ** 2 + math.cos(el1) * math.cos(el2) * math.sin((az1 - az2) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, h))))


def cheapest(reference, predicted):
    """[(reference index, predicted index, angle)] of the cheapest pairing, by trying all of them."""
    n, m = len(reference), len(predicted)
    best, best_cost = None, math.inf
    for few, many in [(range(n), range(m))]:
        if n <= m:
            options = [list(zip(few, p, strict=True)) for p in itertools.permutations(many, n)]
        else:
            options = [list(zip(p, many, strict=True)) for p in itertools.permutations(few, m)]
    for pairs in options:
        cost = sum(haversine_deg(reference[i], predicted[j]) for i, j in pairs)
        if cost < best_cost:
            best, best_cost = pairs, cost
    return [(i, j, haversine_deg(reference[i], predicted[j])) for i, j in best]


def cell(rows, frame, k):
    return [(r.azimuth_deg, r.elevation_deg) for r in rows if r.frame == frame and r.class_index == k]


def segment_totals(recordings, classes):
    """Totals per class and S, D, I over a list of (reference, predicted)."""
    total = [dict(tp=0, far=0, fp=0, fn=0, ref=0, angle=0.0) for _ in range(classes)]
    s = d = i = 0
    for reference, predicted in recordings:
        last = max(r.frame for r in reference)
        for block in range(math.ceil(last / 10)):
            frames = range(10 * block, 10 * block + 10)
            fp_block = fn_block = 0
            for k in range(classes):
                ref_cells = {f: cell(reference, f, k) for f in frames if cell(reference, f, k)}
                pred_cells = {f: cell(predicted, f, k) for f in frames if cell(predicted, f, k)}
                n_ref = max([len(v) for v in ref_cells.values()], default=0)
                n_pred = max([len(v) for v in pred_cells.values()], default=0)
                t = total[k]
                t["ref"] += n_ref
                per_track = {}
                for f in frames:
                    if f in ref_cells and f in pred_cells:
                        for a, _, angle in cheapest(ref_cells[f], pred_cells[f]):
                            per_track.setdefault(a, []).append(angle)
                if n_ref and n_pred and not per_track:
                    t["fn"] += n_pred
                    fn_block += n_pred
                    continue
                for angles in per_track.values():
                    mean = sum(angles) / len(angles)
                    t["angle"] += mean
                    if mean <= 20:
                        t["tp"] += 1
                    else:
                        t["far"] += 1
                        fp_block += 1
                if n_pred > n_ref:
                    t["fp"] += n_pred - n_ref
                    fp_block += n_pred - n_ref
                if n_ref > n_pred:
                    t["fn"] += n_ref - n_pred
                    fn_block += n_ref - n_pred
            s += min(fp_block, fn_block)
            d += max(0, fn_block - fp_block)
            i += max(0, fp_block - fn_block)
    return total, s, d, i


def ratio(a, b):
    return a / b if b else 0.0


def scores_of(t, error_rate):
    found = t["tp"] + t["far"]
    f = ratio(t["tp"], found + (t["fp"] + t["fn"]) / 2)
    le = t["angle"] / found if found else 180.0
    lr = ratio(found, found + t["fn"])
    return dict(
        er20=error_rate, f20=f, le_cd_deg=le, lr_cd=lr, seld=(error_rate + 1 - f + le / 180 + 1 - lr) / 4
    )


def slow_segment_scores(recordings, classes):
    """(micro, macro) as dicts of er20, f20, le_cd_deg, lr_cd, seld."""
    total, s, d, i = segment_totals(recordings, classes)
    error_rate = (s + d + i) / sum(t["ref"] for t in total)
    whole = {key: sum(t[key] for t in total) for key in total[0]}
    rows = [scores_of(t, error_rate) for t in total]
    macro = {key: sum(row[key] for row in rows) / classes for key in rows[0]}
    return scores_of(whole, error_rate), macro


def slow_frame_scores(recordings, classes):
    """Micro f20, doae_deg, rde of DCASE 2024, with distances."""
    right = wrong = stray = 0
    angle = relative = 0.0
    for reference, predicted in recordings:
        for f in range(max(r.frame for r in reference)):
            for k in range(classes):
                a = [r for r in reference if (r.frame, r.class_index) == (f, k)]
                b = [r for r in predicted if (r.frame, r.class_index) == (f, k)]
                stray += abs(len(a) - len(b))
                if a and b:
                    for i, j, error in cheapest(cell(reference, f, k), cell(predicted, f, k)):
                        off = abs(a[i].distance_m - b[j].distance_m) / a[i].distance_m
                        angle, relative = angle + error, relative + off
                        right, wrong = (right + 1, wrong) if error <= 20 and off <= 1 else (right, wrong + 1)
    found = right + wrong
    return dict(f20=right / (found + stray / 2), doae_deg=angle / found, rde=relative / found)
