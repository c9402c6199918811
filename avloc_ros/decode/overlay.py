"""Draws what was found on the picture: heat map of the grid, faces, names, who speaks, and a compass of all directions.

Sizes of lines and letters follow the picture's height, so that 720 x 450 and 1920 x 1080 look alike.
"""

from __future__ import annotations

import cv2
import numpy as np

from avloc_ros.decode.compass import draw_compass
from avloc_ros.decode.drawing import AMBER, GREEN, GREY, Pen, colour_of
from avloc_ros.decode.weight_map import with_weights
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.types import Modality, Projection, Speaker, SpeakerGrid, Speakers

SHOWN = ("probability", "weights")
HEAT_OPACITY = 0.55  # where the probability is 1
HEAT_FLOOR = 0.05  # probabilities below leave the picture as it is
ASSUMED_RANGE_M = 2.0  # for the place in the picture of a talker without range
MODALITY_WORDS = {Modality.AUDIO: "audio only", Modality.VIDEO: "video only", Modality.FUSED: "audio + video"}
_HEAT_COLOURS = cv2.applyColorMap(np.arange(256, dtype=np.uint8).reshape(-1, 1), cv2.COLORMAP_INFERNO)[:, 0]


def draw_overlay(
    image: np.ndarray,
    grid: SpeakerGrid | None = None,
    speakers: Speakers | None = None,
    camera: CameraModel | None = None,
    notice: str = "",
    show: str = "probability",
) -> np.ndarray:
    """A copy of the picture, uint8 (rows, columns, 3) BGR, with all that is given drawn on it.

    camera: places speakers without a face; notice: a line on top (what is wrong); show: of the grid its probability, or
    how the fusion weighted ear (orange) and eye (blue).
    """
    canvas = with_weights(image, grid) if show == "weights" else _with_heat(image, grid)
    height, width = canvas.shape[:2]
    pen = Pen(canvas)
    if camera is not None:
        camera = camera.scaled_to(width, height)
    known = speakers.speakers if speakers is not None else ()
    for speaker in sorted(known, key=lambda one: one.is_speaking):  # who speaks is drawn on top
        _draw_speaker(pen, speaker, camera)
    if known:
        draw_compass(pen, known, camera)
    if grid is not None:
        pen.chip((pen.unit * 8, height - pen.unit * 8), MODALITY_WORDS[grid.modality], GREY, anchor="bottom left")
    if notice:
        pen.chip((pen.unit * 8, pen.unit * 8), notice, AMBER, anchor="top left")
    return canvas


def _with_heat(image: np.ndarray, grid: SpeakerGrid | None) -> np.ndarray:
    """The picture under the grid's colours: the more probable, the more opaque."""
    if grid is None or grid.layout.projection != Projection.IMAGE:
        return image.copy()
    height, width = image.shape[:2]
    probability = np.clip(np.nan_to_num(grid.probability.astype(np.float32)), 0.0, 1.0)
    shown = np.sqrt(np.clip((probability - HEAT_FLOOR) / (1 - HEAT_FLOOR), 0.0, 1.0))  # (rows, cols); lifts the low end
    opacity = (HEAT_OPACITY * 255 * shown)[..., None]  # (rows, cols, 1)
    colour = _HEAT_COLOURS[(40 + 200 * shown).astype(np.uint8)]  # the darkest of the scale would look like a shadow
    cells = np.concatenate([colour * (opacity / 255), 255 - opacity], axis=-1).astype(np.uint8)  # premultiplied
    smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    kept = cv2.merge([smooth[..., 3]] * 3)
    return cv2.add(cv2.multiply(image, kept, scale=1 / 255), np.ascontiguousarray(smooth[..., :3]))


def _draw_speaker(pen: Pen, speaker: Speaker, camera: CameraModel | None) -> None:
    colour = colour_of(speaker)
    label = _label(speaker)
    if speaker.face is not None and speaker.face.width > 0:
        face = speaker.face
        pen.brackets((face.left, face.top, face.width, face.height), colour, speaker.is_speaking)
        pen.chip((face.left, face.top - pen.unit * 4), label, colour, anchor="bottom left")
        if speaker.is_speaking:
            bar = (face.left, face.top + face.height + pen.unit * 4, face.width)
            pen.level(bar, speaker.speaking_probability, GREEN)
        return
    place = _place(speaker, camera)
    if place is None:
        return  # outside the picture: the compass shows it
    pen.ring(place, 16 * pen.unit, colour, speaker.is_speaking)
    pen.chip((place[0] + 30 * pen.unit, place[1]), label, colour, anchor="left", beside=place[0])


def _place(speaker: Speaker, camera: CameraModel | None) -> tuple[float, float] | None:
    """Where in the picture a speaker without a face is, None outside."""
    if camera is None:
        return None
    point = speaker.position if speaker.position is not None else speaker.direction * ASSUMED_RANGE_M
    pixels, inside = camera.project(np.asarray(point, float))
    return (float(pixels[0]), float(pixels[1])) if bool(inside) else None


def _label(speaker: Speaker) -> str:
    azimuth, _ = angles_from_direction(speaker.direction)
    words = [speaker.person_id or speaker.id, f"{np.degrees(azimuth):+.0f} deg"]
    if speaker.position is not None:
        words.append(f"{np.linalg.norm(speaker.position):.1f} m")
    if speaker.is_speaking:
        words.append("speaking")
    return "  ".join(words)
