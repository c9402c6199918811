"""Which channels of a window can be used."""

from __future__ import annotations

import numpy as np

from avloc_ros.types import AudioWindow

SILENT_SHARE = 1e-6  # a channel with less than this share of the others' median power (60 dB below) is dead


def usable_channels(window: AudioWindow) -> np.ndarray:
    """bool (channels,): finite, and not silent while the others sound; what the window itself says counts too."""
    samples = window.samples
    finite = np.isfinite(samples).all(0)
    power = np.zeros(samples.shape[1])
    power[finite] = np.einsum("ij,ij->j", samples[:, finite], samples[:, finite]) / max(1, len(samples))
    loud = float(np.median(power[finite])) if finite.any() else 0.0
    usable = finite & (power >= SILENT_SHARE * loud)
    return usable if window.usable_channels is None else usable & window.usable_channels


def channel_reasons(
    window: AudioWindow, usable: np.ndarray, channel_names: tuple[str, ...]
) -> tuple[str, ...]:
    """In words what is wrong with the window, for diagnostics; empty where nothing is."""
    reasons = []
    if not usable.all():
        names = ", ".join(name for name, fine in zip(channel_names, usable, strict=True) if not fine)
        reasons.append(f"channels left out (silent or not finite): {names}")
    if window.valid_fraction < 0.5:
        reasons.append(f"only {window.valid_fraction:.0%} of the window was received")
    return tuple(reasons)
