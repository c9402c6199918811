"""The back of a head, painted over the face of a talker who has turned away: hair, ears and neck in the talker's colours."""

from __future__ import annotations

import cv2
import numpy as np

SUBPIXEL_BITS = 4  # of cv2's fixed-point coordinates


def with_back_of_head(picture: np.ndarray, box: np.ndarray, share: float) -> np.ndarray:
    """A talker's picture, uint8 (rows, columns, 4) premultiplied, with the head turned by `share` (0..1).

    box: left, top, width, height of the face in this picture. The body stays as it is; a head that is half turned is
    half painted over. It is a drawing, not a photograph: what it says truly is that no face can be seen.
    """
    if share <= 0:
        return picture
    left, top, width, height = (float(x) for x in box)
    u, v = left + width / 2, top + height / 2
    hair, skin = _hair_and_skin(picture, box)
    out = picture.astype(np.float32)
    _ellipse(out, (u, v + 0.45 * height), (0.34 * width, 0.26 * height), 0.85 * skin, share)  # neck
    for side in (-1, 1):
        _ellipse(
            out, (u + side * 0.62 * width, v + 0.02 * height), (0.09 * width, 0.14 * height), skin, share
        )
    _ellipse(out, (u, v - 0.10 * height), (0.64 * width, 0.66 * height), hair, share, strands=True)
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


def _hair_and_skin(picture: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median colours above the forehead and on the cheeks: BGR each; brown and a mean skin where nothing is seen there."""
    left, top, width, height = (float(x) for x in box)
    columns = (left + 0.25 * width, left + 0.75 * width)
    hair = _median(picture, columns, (top - 0.30 * height, top - 0.05 * height))
    skin = _median(picture, columns, (top + 0.35 * height, top + 0.75 * height))
    skin = np.array([120.0, 150.0, 200.0]) if skin is None else skin
    hair = np.array([35.0, 50.0, 75.0]) if hair is None else hair
    # A bald or cropped forehead is skin there too: then hair is a dark shade of it
    return (0.35 * skin if np.abs(hair - skin).max() < 25 else hair), skin


def _median(
    picture: np.ndarray, columns: tuple[float, float], rows: tuple[float, float]
) -> np.ndarray | None:
    part = picture[
        max(0, int(rows[0])) : max(0, int(np.ceil(rows[1]))),
        max(0, int(columns[0])) : max(0, int(np.ceil(columns[1]))),
    ]
    solid = part[part[..., 3] > 250]
    return np.median(solid[:, :3], axis=0).astype(float) if len(solid) >= 4 else None


def _ellipse(
    picture: np.ndarray,
    centre: tuple[float, float],
    axes: tuple[float, float],
    colour: np.ndarray,
    share: float,
    *,
    strands: bool = False,
) -> None:
    """Paint a soft ellipse on premultiplied float32 (rows, columns, 4), in place."""
    mask = np.zeros(picture.shape[:2], np.float32)
    fixed = [round(x * 2**SUBPIXEL_BITS) for x in (*centre, *axes)]
    cv2.ellipse(
        mask, (fixed[0], fixed[1]), (max(1, fixed[2]), max(1, fixed[3])), 0, 0, 360, 1.0, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS
    )  # fmt: skip
    mask *= share
    shade = np.ones(picture.shape[:2], np.float32)
    if strands:  # the same for every frame of a talker: made of the column, not of chance
        across = (np.arange(picture.shape[1]) - centre[0]) / max(axes[0], 1.0)
        shade *= (1 + 0.07 * np.sin(17 * across) + 0.05 * np.sin(29 * across + 1))[None, :].astype(np.float32)
        shade *= np.clip(1.15 - 0.4 * across**2, 0.5, 1.2)[None, :].astype(np.float32)
    picture *= 1 - mask[..., None]
    picture[..., :3] += (mask * shade)[..., None] * colour.astype(np.float32)
    picture[..., 3] += 255 * mask
