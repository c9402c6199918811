"""Sound in 8 bits or fewer on a logarithmic scale: the mu-law of ITU-T G.711 in its continuous form."""

from __future__ import annotations

import numpy as np

BEND = 255.0


def to_mu_law(samples: np.ndarray, loudest: float, steps: int = 127) -> np.ndarray:
    """Samples (..) as int8 (..): so many steps up and down to `loudest`, beyond which they are cut off."""
    level = np.log1p(BEND * np.minimum(np.abs(samples) / loudest, 1)) / np.log1p(BEND)
    return np.round(np.sign(samples) * level * steps).astype(np.int8)


def from_mu_law(codes: np.ndarray, loudest: float | np.ndarray, steps: int = 127) -> np.ndarray:
    """Samples float32 (..) of what to_mu_law made of them."""
    level = np.abs(codes.astype(np.float32)) / steps
    return (np.sign(codes) * loudest * np.expm1(level * np.log1p(BEND)) / BEND).astype(np.float32)
