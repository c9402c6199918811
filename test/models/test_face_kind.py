"""Which face network it is, from its outputs."""

from __future__ import annotations

import pytest

from avloc_ros.models.faces.kind import kind_of
from avloc_ros.types import InputError

YUNET = {
    f"{part}_{stride}": (None, None, 1) for part in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)
}


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        (YUNET, "yunet"),
        (
            {"537": (1, 1, None, None), "538": (1, 2, 8, 8), "539": (1, 2, 8, 8), "540": (1, 10, 8, 8)},
            "centerface",
        ),
        ({"scores": (1, 4420, 2), "boxes": (1, 4420, 4)}, "ultralight"),
        ({"output0": (1, 5, 8400)}, "yolo"),
        ({"output": (1, 25200, 16)}, "yolo"),
    ],
)
def test_known_networks(outputs: dict[str, tuple[int | None, ...]], kind: str) -> None:
    assert kind_of(outputs, "some.onnx") == kind


def test_an_unknown_network_is_refused_with_its_outputs_and_what_to_set() -> None:
    with pytest.raises(InputError, match=r"vad\.onnx.*probability \(1, 1\).*set `kind`"):
        kind_of({"probability": (1, 1)}, "vad.onnx")
