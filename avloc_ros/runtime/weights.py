"""Trained weights: an ONNX file with a card (NAME.card.json) beside it that says what they are and what they hash to.

Shipped ones lie in the package's folder `weights`; a user's own are named by path. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avloc_ros.types import InputError

SHIPPED_FOLDER = Path(__file__).resolve().parent.parent / "weights"
CARD_KEYS = ("name", "system", "sha256", "licence", "recipe", "data", "seed", "metrics")


@dataclass(frozen=True)
class Weights:
    """An ONNX file whose content was checked against its card."""

    path: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.card["name"])

    def number(self, key: str) -> float:
        """A number of the card. Raises InputError where the card lacks it."""
        value = self.card.get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise InputError(f"{card_path(self.path)} has no number '{key}': train again, or set the value yourself")
        return float(value)

    def text(self, key: str) -> str:
        """A text of the card. Raises InputError where the card lacks it."""
        value = self.card.get(key)
        if not isinstance(value, str):
            raise InputError(f"{card_path(self.path)} has no text '{key}': train again")
        return value


def shipped_weights() -> dict[str, Path]:
    """Names and files of the weights that the package brings."""
    return {path.stem: path for path in sorted(SHIPPED_FOLDER.glob("*.onnx"))}


def find_weights(given: str, shipped_name: str, system: str) -> Weights:
    """The weights at a path, or the shipped ones of a name where `given` is empty; checked.

    system: what the card must say that they are for. Raises InputError where they are missing, changed or for another
    system.
    """
    if given:
        path = Path(given).expanduser()
    elif shipped_name in shipped_weights():
        path = shipped_weights()[shipped_name]
    else:
        known = ", ".join(shipped_weights()) or "none"
        raise InputError(
            f"no weights '{shipped_name}' are part of this package (there: {known}): train them with `avloc train` and "
            "give the path of the .onnx file as `weights`, or choose another kind"
        )
    weights = read_weights(path)
    if weights.card["system"] != system:
        raise InputError(
            f"{path} holds weights of '{weights.card['system']}', not of '{system}': give others, or set the kind that "
            "they are for"
        )
    return weights


def read_weights(path: str | Path) -> Weights:
    """An ONNX file with its card. Raises InputError where one is missing or they do not belong together."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weights at {path}: give the .onnx file that `avloc train` wrote")
    card = _read_card(card_path(path))
    found = sha256_of(path)
    if card["sha256"] != found:
        size, whole = path.stat().st_size, card.get("bytes")
        cut = f" (it has {size} bytes of {whole})" if isinstance(whole, int) and size != whole else ""
        raise InputError(
            f"{path} has the sha256 {found[:16]}..., its card says {str(card['sha256'])[:16]}...: the file was changed"
            f"{cut}, or the card belongs to another one; copy both again"
        )
    return Weights(path, card)


def card_path(weights: Path) -> Path:
    """Where the card of an ONNX file lies."""
    return weights.with_suffix(".card.json")


def sha256_of(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_torch(path: str | Path) -> dict[str, Any]:
    """The content of a torch file, tensors and plain values only: nothing in it is executed. Raises InputError."""
    import pickle

    import torch

    path = Path(path)
    if not path.is_file():
        raise InputError(f"no torch file at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(f"{path} is not a torch file of tensors and plain values: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}, not a dictionary")
    return content


def _read_card(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"no card at {path}: weights come with one, `avloc train` writes both; copy it too")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}: `avloc train` writes complete cards")
    return card
