"""Every recipe of diff_track and asl_unet that is shipped can be read, and a misspelt one cannot."""

from __future__ import annotations

import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("lightning", reason="recipes belong to training, which runs on lightning")

from avloc_ros.config import from_mapping, shipped_folder
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.diff_track.hungarian import HungarianRecipe
from avloc_ros.training.diff_track.localizer import LocalizerRecipe
from avloc_ros.types import InputError

RECIPES = {"diff_track_hungarian": HungarianRecipe, "diff_track_localizer": LocalizerRecipe, "asl_unet": SpeakerUNetRecipe}


@pytest.mark.parametrize("stem", RECIPES)
def test_shipped_recipes_are_read_and_unknown_keys_fail(stem):
    files = sorted((shipped_folder() / "config" / "train").glob(f"{stem}*.yaml"))
    assert files
    for file in files:
        content = yaml.safe_load(file.read_text())
        assert content.pop("recipe") == stem  # the key by which `avloc train` finds the dataclass
        assert from_mapping(RECIPES[stem], content, str(file)).name == file.stem
        with pytest.raises(InputError, match=f"{file.name}.*unknown setting"):
            from_mapping(RECIPES[stem], content | {"momentum": 0.9}, str(file))
