"""How well the motion of a mouth tells who speaks: faces found in scenes, speech by their truth.

usage: OMP_NUM_THREADS=1 python benchmarks/mouths.py SCENES [SCENES ...] [--noise 0 2 5] [--most N] [--out FILE.json]

SCENES: folders of scenes (`avloc simulate`). Every face of the detector that lies on a visible talker is one sample: its
`mouth_motion` in that picture, and whether the talker speaks. Told are the area under the ROC curve of single pictures, the
motion at which speech and rest are equally likely (logistic regression), quantiles at rest and in speech, by noise that is
added to the pictures (standard deviation in grey levels), and processor time per face.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.stats import rankdata

from avloc_ros.cli.evaluate import chain_config
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.sources.truth import TruthRow
from avloc_ros.systems.faces import FaceTracker
from avloc_ros.systems.mouths import MouthWatch
from avloc_ros.types import Face, VideoFrame

SAME_PLACE = 0.6  # of the talker's face width, between the centres of a found and of the true face


def samples_of(item: EvaluationInput, noise: float, seed: int) -> tuple[list[float | None], list[bool], float]:
    """Motion and speech of every visible talker's face that is found, and the processor's seconds for the motions."""
    detector = FaceTracker(replace(chain_config(None).faces, mouths=False))
    watch, rng = MouthWatch(), np.random.default_rng(seed)
    motions: list[float | None] = []
    speaks: list[bool] = []
    took_s = 0.0
    try:
        for number, _, picture in item.moments():
            if picture is None:
                continue
            faces = detector.step(picture).faces
            grey = _grey(picture, noise, rng)
            started = time.thread_time()
            watched = watch.step(grey, picture.stamp_ns, faces)
            took_s += time.thread_time() - started
            for row in item.truth.get(number, ()):
                face = _face_of(row, watched)
                if face is not None and number:
                    motions.append(face.mouth_motion)
                    speaks.append(row.speaking)
    finally:
        detector.close()
    return motions, speaks, took_s


def told(motions: list[float | None], speaks: list[bool], took_s: float) -> dict[str, object]:
    """The figures of one level of noise."""
    known = np.array([motion is not None for motion in motions])
    logs = np.log(np.maximum([motion for motion in motions if motion is not None], 1e-6))
    talks = np.array(speaks)[known]
    ranks, positive = rankdata(logs), int(talks.sum())
    area = (ranks[talks].sum() - positive * (positive + 1) / 2) / (positive * (len(talks) - positive))

    def loss(line: np.ndarray) -> float:
        scores = line[0] * logs + line[1]
        return float(np.mean(np.logaddexp(0, scores) - scores * talks))

    slope, offset = minimize(loss, np.array([1.0, 0.0])).x
    prior = np.log(talks.mean() / (1 - talks.mean()))

    def quantiles(part: np.ndarray) -> list[float]:
        return [round(float(np.exp(value)), 3) for value in np.quantile(part, [0.1, 0.5, 0.9])]

    return {
        "faces": len(motions),
        "unknown": round(float(1 - known.mean()), 4),
        "speaking": round(float(talks.mean()), 3),
        "area_under_curve": round(float(area), 3),
        "log_odds_per_e_fold": round(float(slope), 2),
        "even_motion": round(float(np.exp((prior - offset) / slope)), 3),
        "at_rest_10_50_90": quantiles(logs[~talks]),
        "in_speech_10_50_90": quantiles(logs[talks]),
        "ms_per_face": round(1e3 * took_s / max(len(motions), 1), 3),
    }


def _grey(picture: VideoFrame, noise: float, rng: np.random.Generator) -> np.ndarray:
    grey = picture.image[..., :3].astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
    noisy = grey + rng.normal(0, noise, grey.shape) if noise else grey
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _face_of(row: TruthRow, faces: tuple[Face, ...]) -> Face | None:
    if not row.visible or row.u_px is None or row.v_px is None or row.width_px is None:
        return None
    apart = [float(np.hypot(face.centre[0] - row.u_px, face.centre[1] - row.v_px)) for face in faces]
    return faces[int(np.argmin(apart))] if apart and min(apart) < SAME_PLACE * row.width_px else None


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="+", type=Path)
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0, 2.0, 5.0], help="grey levels")
    parser.add_argument("--most", type=int, default=0, help="scenes at most (0: all)")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    items = find_inputs(options.scenes)
    items = items[: options.most or len(items)]
    result: dict[str, object] = {"command": " ".join(["python", *sys.argv]), "scenes": len(items)}
    for noise in options.noise:
        parts = [samples_of(item, noise, seed) for seed, item in enumerate(items)]
        motions = [motion for part in parts for motion in part[0]]
        speaks = [speaking for part in parts for speaking in part[1]]
        result[f"noise_{noise:g}"] = told(motions, speaks, sum(part[2] for part in parts))
        print(f"noise {noise:g}:", json.dumps(result[f"noise_{noise:g}"]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
