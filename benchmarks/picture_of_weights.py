"""Pictures of what the fusion believes: probability and stream weights over the picture, for one frame of each scene.

usage: python benchmarks/picture_of_weights.py SCENE[:FRAME] ... --out FILE.jpg [--fusion spatial]

Every scene is run through the whole chain up to the frame (default: the middle). One row per scene: the picture with the
fused probability and the speakers, and the picture with the weights, orange where the ear is trusted, blue where the eye is.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from avloc_ros.decode.overlay import draw_overlay
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.systems.fusion import FusionConfig
from avloc_ros.systems.localizer import Localizer, LocalizerConfig

HEIGHT = 300  # of each picture


def row(scene: str, config: LocalizerConfig) -> np.ndarray:
    """Both pictures of one scene side by side, uint8 (HEIGHT, width, 3) BGR."""
    path, _, chosen = scene.partition(":")
    item = find_inputs([Path(path)])[0]
    moments = list(item.moments())
    last = int(chosen) if chosen else len(moments) // 2
    localizer = Localizer(config, item.array, item.camera, item.sample_rate_hz)
    for _number, window, frame in moments[: last + 1]:
        output = localizer.step(window, frame)
    localizer.close()
    found = [
        draw_overlay(frame.image, output.fused, output.speakers, item.camera, show=show)
        for show in ("probability", "weights")
    ]
    width = round(HEIGHT * frame.image.shape[1] / frame.image.shape[0])
    return np.hstack([cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA) for picture in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fusion", default="spatial")
    options = parser.parse_args()
    config = LocalizerConfig(fusion=FusionConfig(kind=options.fusion))
    config = replace(config, faces=replace(config.faces, small_faces="sync"))
    cv2.imwrite(str(options.out), np.vstack([row(scene, config) for scene in options.scenes]), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
