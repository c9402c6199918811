"""Face detectors side by side: recall by face size, false faces, and processor time per picture, on one thread.

usage: AVLOC_DATA=DATA_KIT OMP_NUM_THREADS=1 python benchmarks/face_detectors.py [--out FILE.json]

Every face of the kit's office photographs, and talkers of the GRID clips, are scaled to a given face height and laid
into a picture of 720x450. Found is a face with an overlap (intersection over union) above 0.5. "Dark": faces of 51
pixels with 4 % of the light and camera noise of one grey level. False faces are detections per picture on the clip of
people who face away. Times are processor time of the thread. The office boxes were made with YuNet and Ultra-Light and
reviewed by eye; those of GRID are YuNet's at full size: both flatter these two networks.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from avloc_ros.models.faces.boxes import overlaps
from avloc_ros.runtime.face_detector import FaceDetector
from avloc_ros.runtime.face_network import FaceNetworkChoice, open_face_network

FACE_HEIGHTS_PX = (100, 51, 31, 21, 13)
CANVAS = (720, 450)
FOUND_IOU = 0.5
FRAMES_PER_TALKER = 3
Sample = tuple[np.ndarray, np.ndarray]  # BGR picture, box of one face as corners


@dataclass(frozen=True)
class Row:
    """What was measured of one detector."""

    name: str
    size: tuple[int, int]
    recall: dict[int, float]
    dark: float
    false_per_picture: float
    time_ms: float


def office_faces(folder: Path) -> list[Sample]:
    """Each reviewed face of the photographs."""
    found = []
    with (folder / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["ignore"] == "0":
                left, top, width, height = (float(row[key]) for key in "xywh")
                box = np.array([left, top, left + width, top + height])
                found.append((cv2.imread(str(folder / row["file"])), box))
    return found


def grid_talkers(folder: Path, reference: FaceDetector) -> list[Sample]:
    """Frames of each talker, with the strongest face of the reference detector at full size."""
    found = []
    for path in sorted(folder.glob("*.mpg")):
        frames = list(pictures_of(path, 1))
        for index in np.linspace(5, len(frames) - 5, FRAMES_PER_TALKER).astype(int):
            found.append((frames[index], reference.detect(frames[index], (384, 288)).boxes[0]))
    return found


def pictures_of(path: Path, step: int) -> Iterator[np.ndarray]:
    """Every `step`-th BGR picture of a clip."""
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % step == 0:
                yield frame.to_ndarray(format="bgr24")


def laid_out(sample: Sample, face_height_px: int) -> Sample | None:
    """The face at a given height in a picture of CANVAS; None where the photograph would have to grow by over 1.5."""
    picture, box = sample
    scale = face_height_px / (box[3] - box[1])
    if scale > 1.5:
        return None
    small = cv2.resize(
        picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    width, height = CANVAS
    box = box * scale
    middle = (box[:2] + box[2:]) / 2
    rows, cols = small.shape[:2]
    left = int(np.clip(width / 2 - middle[0], width - cols, 0)) if cols > width else (width - cols) // 2
    top = int(np.clip(height / 2 - middle[1], height - rows, 0)) if rows > height else (height - rows) // 2
    noise = np.random.default_rng(1).normal(110, 5, (height, width, 3))
    canvas = np.clip(noise, 0, 255).astype(np.uint8)
    shift = np.array([[1, 0, left], [0, 1, top]], np.float32)
    cv2.warpAffine(small, shift, CANVAS, canvas, borderMode=cv2.BORDER_TRANSPARENT)
    return canvas, box + (left, top, left, top)


def measured(
    name: str, detector: FaceDetector, samples: dict[int, list[Sample]], empty: list[np.ndarray]
) -> Row:
    """Recall, false faces and time of one detector."""
    recall = {
        height: float(np.mean([is_found(detector, *s) for s in some])) for height, some in samples.items()
    }
    dark = float(np.mean([is_found(detector, in_the_dark(picture), box) for picture, box in samples[51]]))
    false = float(np.mean([len(detector.detect(picture)) for picture in empty]))
    times = []
    for picture, _ in (samples[31] * 2)[:60]:
        begin = time.thread_time()
        detector.detect(picture)
        times.append(time.thread_time() - begin)
    return Row(name, detector.size, recall, dark, false, float(np.median(times)) * 1e3)


def in_the_dark(picture: np.ndarray) -> np.ndarray:
    """The picture with 4 % of its light, under camera noise."""
    noise = np.random.default_rng(2).normal(0, 1, picture.shape)
    return np.clip(picture * 0.04 + noise, 0, 255).astype(np.uint8)


def is_found(detector: FaceDetector, picture: np.ndarray, box: np.ndarray) -> bool:
    """Whether a detection overlaps the box."""
    found = detector.detect(picture)
    return bool(len(found)) and bool(overlaps(box, found.boxes).max() > FOUND_IOU)


def detectors(models: Path) -> Iterator[tuple[str, FaceDetector]]:
    """CenterFace in both arithmetics and two sizes, and the kit's networks."""
    for precision in ("int8", "fp32"):
        for width, height in ((480, 320), (736, 480)):
            choice = FaceNetworkChoice(width=width, height=height, precision=precision, device="cpu")
            yield f"CenterFace {precision}", open_face_network(choice).detector
    for path in sorted(models.glob("*.onnx")):
        if path.stem.startswith(("yunet", "ultralight")):
            yield path.stem, open_face_network(FaceNetworkChoice(model=str(path), device="cpu")).detector


def main() -> int:
    """Measure, print the table, and write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()
    kit = Path(os.environ.get("AVLOC_DATA", ""))
    if not (kit / "faces").is_dir():
        print("set AVLOC_DATA to the data kit's folder: it holds the faces to measure on", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    reference = open_face_network(
        FaceNetworkChoice(model=str(kit / "models" / "yunet_n_dynamic.onnx"))
    ).detector
    faces = office_faces(kit / "faces" / "itseez_office") + grid_talkers(kit / "av" / "grid", reference)
    samples = {
        h: [s for s in (laid_out(face, h) for face in faces) if s is not None] for h in FACE_HEIGHTS_PX
    }
    empty = list(pictures_of(kit / "video" / "one-by-one-person-detection.mp4", 35))
    header = [f"{height} px ({len(some)})" for height, some in samples.items()]
    print("| detector | input | " + " | ".join(header) + " | dark | false per picture | ms |")
    print("|---|---|" + "---|" * (len(header) + 3))
    rows = []
    for name, detector in detectors(kit / "models"):
        row = measured(name, detector, samples, empty)
        cells = [f"{value:.2f}" for value in row.recall.values()]
        size = "x".join(map(str, row.size))
        cells += [f"{row.dark:.2f}", f"{row.false_per_picture:.2f}", f"{row.time_ms:.1f}"]
        print(f"| {row.name} | {size} | " + " | ".join(cells) + " |", flush=True)
        rows.append(row.__dict__)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
