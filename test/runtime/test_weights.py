"""Weights and their cards: what is missing, changed or foreign is refused with a word."""

from __future__ import annotations

import hashlib
import json

import pytest

from avloc_ros.runtime import weights as module
from avloc_ros.runtime.weights import find_weights, read_torch, read_weights, shipped_weights
from avloc_ros.types import InputError


def write(folder, name="mine", content=b"network", **changes):
    path = folder / f"{name}.onnx"
    path.write_bytes(content)
    card = {
        "name": name, "system": "dsw_fusion_spatial", "sha256": hashlib.sha256(content).hexdigest(), "licence": "MIT",
        "recipe": {}, "data": {}, "seed": 0, "metrics": {}, "threshold": 0.4,
    } | changes  # fmt: skip
    (folder / f"{name}.card.json").write_text(json.dumps(card))
    return path


def test_weights_with_their_card(tmp_path):
    weights = read_weights(write(tmp_path))
    assert weights.name == "mine" and weights.number("threshold") == 0.4
    with pytest.raises(InputError, match="threshold_raw"):
        weights.number("threshold_raw")


def test_a_changed_file_is_refused(tmp_path):
    path = write(tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(InputError, match="the file was changed"):
        read_weights(path)


def test_a_missing_part_is_named(tmp_path):
    with pytest.raises(InputError, match="no weights at"):
        read_weights(tmp_path / "none.onnx")
    path = write(tmp_path)
    path.with_suffix(".card.json").write_text("{}")
    with pytest.raises(InputError, match="lacks name, system, sha256"):
        read_weights(path)
    path.with_suffix(".card.json").unlink()
    with pytest.raises(InputError, match="no card at"):
        read_weights(path)


def test_shipped_ones_are_found_by_name_and_users_by_path(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHIPPED_FOLDER", tmp_path)
    path = write(tmp_path, "dsw_fusion_spatial")
    assert shipped_weights() == {"dsw_fusion_spatial": path}
    assert find_weights("", "dsw_fusion_spatial", "dsw_fusion_spatial").path == path
    with pytest.raises(InputError, match="train them with"):
        find_weights("", "dsw_fusion_scalar", "dsw_fusion_scalar")
    with pytest.raises(InputError, match="not of 'dsw_fusion_scalar'"):
        find_weights(str(path), "", "dsw_fusion_scalar")


def test_a_torch_file_that_would_run_code_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    good, bad = tmp_path / "good.ckpt", tmp_path / "bad.ckpt"
    torch.save({"state_dict": {"weight": torch.ones(2)}}, good)
    torch.save({"state_dict": Harmful()}, bad)
    assert read_torch(good)["state_dict"]["weight"].sum() == 2
    with pytest.raises(InputError, match="not a torch file of tensors"):
        read_torch(bad)


class Harmful:
    """Unpickling it would call print."""

    def __reduce__(self):
        return print, ("executed",)
