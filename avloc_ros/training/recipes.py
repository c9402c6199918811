"""Recipes: YAML files (config/train/) that name every number of a training; unknown keys fail."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from avloc_ros.config import flatten, from_mapping, shipped_folder
from avloc_ros.types import InputError


@dataclass(frozen=True)
class RecipeKind:
    """What a recipe's key `recipe` stands for.

    dataclass: "module:class" of its settings, imported when a recipe of the kind is read, since it may need torch.
    run: the file of avloc_ros/cli/training_runs that trains it from the command line. data: what it learns from.
    """

    dataclass: str
    run: str
    data: str

    def settings(self) -> type[Any]:
        """The dataclass of its settings."""
        module, name = self.dataclass.split(":")
        return getattr(importlib.import_module(f"avloc_ros.training.{module}"), name)


EVENT_FOLDERS = "folders of event scenes (avloc simulate --events), STARSS22/23, or L3DAS23 Task 2"
KINDS = {
    "any_array": RecipeKind(
        "any_array.recipe:AnyArrayRecipe", "any_array", "one folder with speech/ (and events/, music/)"
    ),
    "mixture": RecipeKind("any_array.candidates:MixtureRecipe", "mixture", "one folder with speech/ (and events/, music/)"),
    "dsw_audio": RecipeKind("dsw.audio_training:AudioRecipe", "dsw_audio", "nothing: rooms are simulated"),
    "dsw_fusion": RecipeKind(
        "dsw.fusion_training:FusionRecipe", "dsw_fusion", "the folder of cached grids (avloc train grids), or of scenes"
    ),
    "speaking": RecipeKind(
        "speaking.learning:SpeakingRecipe", "speaking", "folders of scenes with sound and pictures (avloc simulate)"
    ),
    "av_seld": RecipeKind("sound_events.recipes:AvSeldRecipe", "av_seld", EVENT_FOLDERS),
    "coloc": RecipeKind("sound_events.recipes:ColocRecipe", "coloc", EVENT_FOLDERS),
    "coloc_ear": RecipeKind("sound_events.recipes:ColocEarRecipe", "coloc_ear", EVENT_FOLDERS),
    "direction_query": RecipeKind("sound_events.direction_query:DirectionQueryRecipe", "direction_query", EVENT_FOLDERS),
    "diff_track_hungarian": RecipeKind(
        "diff_track.hungarian:HungarianRecipe", "diff_track", "nothing: assignment problems are drawn"
    ),
    "diff_track_localizer": RecipeKind(
        "diff_track.localizer:LocalizerRecipe", "diff_track", "nothing: moving sources are simulated"
    ),
    "asl_unet": RecipeKind(
        "asl_unet.recipe:SpeakerUNetRecipe", "asl_unet", "folders of egocentric scenes (avloc simulate --egocentric), or EasyCom"
    ),
}


def shipped_recipes() -> dict[str, Path]:
    """Names and files of the recipes that the package brings."""
    return {path.stem: path for path in sorted((shipped_folder() / "config" / "train").glob("*.yaml"))}


def load_recipe(name: str, overrides: dict[str, Any] | None = None) -> Any:
    """The recipe of a shipped name or of a YAML file, with some settings replaced (dotted names).

    The key `recipe` says what is trained. Raises InputError on an unknown name, kind or setting.
    """
    return load_recipe_and_kind(name, overrides)[0]


def load_recipe_and_kind(name: str, overrides: dict[str, Any] | None = None) -> tuple[Any, RecipeKind]:
    """The same, and of which kind it is."""
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
    return from_mapping(kind.settings(), flatten(content) | (overrides or {}), str(path)), kind
