"""What the demo of asl_unet leaves behind: the wearer's voice and the masks against the truth, a plot and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.evaluation.metrics.mask_scores import Confusion
from avloc_ros.evaluation.pages.demo_page import write_demo_page


@dataclass(frozen=True)
class HeardWearer:
    """What was reported of the wearer in one frame of the scene."""

    frame: int
    speaking: bool
    probability: float
    latency_ms: float


def active_speaker_numbers(
    heard: list[HeardWearer], masks: Mapping[int, np.ndarray], true_wearer: np.ndarray, true_masks: np.ndarray
) -> dict[str, Any]:
    """Confusion of frames (wearer) and of pixels (masks {frame: bool (rows, cols)}), and latency since capture."""
    within = [row for row in heard if 0 <= row.frame < len(true_wearer)]
    wearer = Confusion.of(np.array([row.speaking for row in within]), np.array([true_wearer[r.frame] for r in within]))
    pixels = Confusion()
    for frame, mask in masks.items():
        if 0 <= frame < len(true_masks) and mask.shape == true_masks.shape[1:]:
            pixels += Confusion.of(mask, true_masks[frame])
    latency = np.percentile([row.latency_ms for row in within], [50, 95, 99]) if within else [float("nan")] * 3
    return {
        "frames": len(true_wearer),
        "frames_reported": len(within),
        "masks_reported": len(masks),
        "wearer": wearer.to_mapping(),
        "mask": pixels.to_mapping(),
        "latency_ms": dict(zip(("p50", "p95", "p99"), map(float, latency), strict=True)),
    }


def plot_wearer(
    heard: list[HeardWearer], masks: Mapping[int, np.ndarray], true_wearer: np.ndarray, true_masks: np.ndarray, fps: float,
    path: Path,
) -> None:  # fmt: skip
    """Above the wearer's probability, below the share of the picture that speaks; the truth as pale areas."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(11, 5), dpi=110, layout="constrained")
    time_s = np.arange(len(true_wearer)) / fps
    above.fill_between(time_s, true_wearer.astype(float), step="post", alpha=0.25, label="truth")
    above.plot([r.frame / fps for r in heard], [r.probability for r in heard], color="C1", label="reported")
    above.set(ylabel="the wearer speaks")
    below.fill_between(time_s, 100 * true_masks.mean(axis=(1, 2)), step="post", alpha=0.25, label="truth")
    frames = sorted(masks)
    below.plot([f / fps for f in frames], [100 * masks[f].mean() for f in frames], color="C1", label="reported")
    below.set(xlabel="time [s]", ylabel="speakers' pixels [%]")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right", frameon=False)
    figure.savefig(path)
    pyplot.close(figure)


def write_active_speaker_page(
    folder: Path, numbers: Mapping[str, Any], video: str | None, plot: str, files: Mapping[str, str]
) -> Path:
    """index.html in `folder`: video, plot, numbers, and where the rest lies. Returns its path."""
    return write_demo_page(folder, "asl_unet", MIDDLE, numbers, files, video=video, plot=plot)


MIDDLE = """<h1>Who speaks before a pair of glasses, and whether their wearer does</h1>
<p>{{ numbers.scene }}. Played in real time through the ROS nodes over DDS. The people of this scene are among those that
the shipped network learned with; docs/asl_unet.md has its scores on others.</p>
{% if video %}<video src="{{ video }}" controls></video>{% endif %}
<img src="{{ plot }}" alt="reported and true activity against time">
<table>
{% for what, score in (("the wearer speaks (frames)", numbers.wearer), ("somebody speaks (pixels)", numbers.mask)) %}
 <tr><th>{{ what }}: recall / precision / F1 / accuracy</th><td>
 {% for key in ("recall", "precision", "f1", "accuracy") %}
 {{ "%.3f"|format(score[key]) if score[key] is not none else "-" }}{{ " / " if not loop.last }}{% endfor %}</td></tr>
{% endfor %}
 <tr><th>latency since the picture's capture (p50 / p95 / p99); 200 ms are sound that is waited for</th>
  <td>{{ "%.0f / %.0f / %.0f ms"|format(numbers.latency_ms.p50, numbers.latency_ms.p95, numbers.latency_ms.p99) }}</td></tr>
</table>
"""
