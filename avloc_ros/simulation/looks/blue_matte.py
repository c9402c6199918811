"""Cutting a talker off a blue or teal studio background: soft matte and spill removal."""

from __future__ import annotations

import cv2
import numpy as np

CERTAIN_BACKGROUND = 0.07  # chroma distance to the background below which a pixel is background
CERTAIN_TALKER = 0.17  # above which it is the talker
EDGE_PX = 9  # spill is only removed this near to the background: clothes may be blue
MEAN_OF_COLOURS = np.full((1, 3), 1 / 3, np.float32)
TYPICAL_SKIN_BGR = np.array([0.56, 0.70, 1.0])  # ratio that a neutral white balance gives


def background_model(image: np.ndarray) -> np.ndarray:
    """The empty background behind the talker: float32 (rows, columns, 3), BGR in [0, 1].

    Second-order surfaces fitted to the pixels that are bluer than red (a talker's clothes below are left out by fitting
    twice), since studio light falls off smoothly to the corners.
    """
    pixels = image.astype(np.float32) / 255
    rows, cols = image.shape[:2]
    v, u = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, cols), indexing="ij")
    basis = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v, u**3, v**3, u * u * v, u * v * v], -1)
    blueness = np.minimum(pixels[..., 0], pixels[..., 1]) - pixels[..., 2]
    likely = blueness > 0.5 * np.median(blueness[: rows // 6])
    likely[rows * 3 // 4 :] = False
    for _ in range(2):
        solution = np.linalg.lstsq(basis[likely], pixels[likely], rcond=None)[0]
        model = np.clip(basis @ solution, 0.01, 1.0).astype(np.float32)
        likely &= np.abs(pixels - model).max(-1) < 0.12
    return model


def matte(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    """How much of each pixel is the talker: float32 (rows, columns) in [0, 1]."""
    pixels = image.astype(np.float32) / 255
    blue, green, red = cv2.split(_chroma(pixels) - _chroma(background))
    difference = np.sqrt(blue * blue + green * green + red * red)
    darker = np.clip(cv2.transform(background - pixels, MEAN_OF_COLOURS) - 0.25, 0, 1)  # black hair has no reliable chroma
    distance = cv2.GaussianBlur(difference + darker, (0, 0), 0.8)
    alpha = np.clip((distance - CERTAIN_BACKGROUND) / (CERTAIN_TALKER - CERTAIN_BACKGROUND), 0, 1)
    return _largest_blob_without_holes(alpha * alpha * (3 - 2 * alpha))


def cut_out(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The talker alone, premultiplied: float32 (rows, columns, 4), BGR and alpha in [0, 1]."""
    alpha = matte(image, background)
    pixels = image.astype(np.float32) / 255
    near_edge = cv2.dilate((alpha < 0.98).astype(np.uint8), np.ones((EDGE_PX, EDGE_PX), np.uint8)) > 0
    # The compositing equation, solved for alpha * talker; one colour at a time, which is fast.
    blue, green, red = (
        np.clip(seen - (1 - alpha) * empty, 0, alpha)
        for seen, empty in zip(cv2.split(pixels), cv2.split(background), strict=True)
    )
    limit = np.where(near_edge, 1.05 * red + 0.02 * alpha, np.float32(1))  # skin and hair are never bluer than red
    return cv2.merge([np.minimum(blue, limit), np.minimum(green, limit), red, alpha])


def skin_white_balance(face: np.ndarray) -> np.ndarray:
    """Gains (3,), BGR, that turn a face crop of some studio light halfway to skin under neutral light."""
    mean = np.asarray(face, np.float32).reshape(-1, 3).mean(0) + 1e-6
    ratio = mean / mean[2]
    gains = np.sqrt(TYPICAL_SKIN_BGR / ratio)
    return (gains / gains.mean()).astype(np.float32)


def _chroma(pixels: np.ndarray) -> np.ndarray:
    total = 3 * cv2.transform(pixels, MEAN_OF_COLOURS) + 0.15  # the constant keeps the noise of dark pixels down
    return cv2.divide(pixels, cv2.merge([total, total, total]))


def _largest_blob_without_holes(alpha: np.ndarray) -> np.ndarray:
    solid = (alpha > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    if count < 2:
        return alpha.astype(np.float32)
    blob = (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    outlines, _ = cv2.findContours(blob, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(blob), outlines, -1, 1, cv2.FILLED)
    nearby = cv2.dilate(filled, np.ones((7, 7), np.uint8))
    inside = cv2.erode(filled, np.ones((5, 5), np.uint8))
    return np.where(inside > 0, 1.0, alpha * nearby).astype(np.float32)
