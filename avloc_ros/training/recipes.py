"""Recipes: YAML files (config/train/) that name every number of a training; unknown keys fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from avloc_ros.config import flatten, from_mapping, shipped_folder
from avloc_ros.training.any_array_recipe import AnyArrayRecipe
from avloc_ros.training.audio_training import AudioRecipe
from avloc_ros.training.fusion_training import FusionRecipe
from avloc_ros.types import InputError

KINDS: dict[str, type[Any]] = {
    "any_array": AnyArrayRecipe,
    "dsw_audio": AudioRecipe,
    "dsw_fusion": FusionRecipe,
}
Recipe = AnyArrayRecipe | AudioRecipe | FusionRecipe


def shipped_recipes() -> dict[str, Path]:
    """Names and files of the recipes that the package brings."""
    return {path.stem: path for path in sorted((shipped_folder() / "config" / "train").glob("*.yaml"))}


def load_recipe(name: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """The recipe of a shipped name or of a YAML file, with some settings replaced (dotted names).

    The key `recipe` says what is trained. Raises InputError on an unknown name, kind or setting.
    """
    path = shipped_recipes().get(name, Path(name).expanduser())
    if not path.is_file():
        raise InputError(
            f"no recipe '{name}': give a YAML file, or one of {', '.join(shipped_recipes()) or 'none shipped'}"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict) or content.get("recipe") not in KINDS:
        raise InputError(f"{path}: the key 'recipe' must be one of {', '.join(KINDS)}")
    kind = KINDS[content.pop("recipe")]
    content.setdefault("name", path.stem)
    return from_mapping(kind, flatten(content) | (overrides or {}), str(path))
