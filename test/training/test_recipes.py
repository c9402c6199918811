"""Recipes: what is shipped loads, what is misspelt fails with its name."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from avloc_ros.training.recipes import load_recipe, shipped_recipes
from avloc_ros.types import InputError


def test_every_shipped_recipe_of_dsw_loads():
    recipes = {name: load_recipe(name) for name in shipped_recipes() if name.startswith("dsw_")}
    assert {"dsw_fusion_spatial_gpu", "dsw_tiny", "dsw_audio", "dsw_audio_causal"} <= set(recipes)
    fusions = [recipes[f"dsw_fusion_{kind}"] for kind in ("flat", "scalar", "spatial")]
    assert [recipe.network.kind for recipe in fusions] == ["flat", "scalar", "spatial"]
    for recipe in fusions[1:]:  # only the weights differ
        assert (recipe.loss, recipe.target, recipe.optimizer) == (fusions[0].loss, fusions[0].target, fusions[0].optimizer)
        assert recipe.network.refine_filters == fusions[0].network.refine_filters == 8
    assert recipes["dsw_fusion_spatial_gpu"].network.refine_filters == 128
    assert all(recipe.name == name.removesuffix("_gpu") for name, recipe in recipes.items())


def test_settings_of_the_command_line_win():
    assert load_recipe("dsw_tiny", {"network.refine_filters": 4}).network.refine_filters == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recipe: dsw_fusion\nnetwork: {refine_filter: 3}", "did you mean 'network.refine_filters'"),
        ("recipe: dsw_fusion\noptimizer: {batch_size: 0}", "'optimizer.batch_size' is 0"),
        ("recipe: dsw_fusion\nnetwork: {kind: wise}", "allowed: flat, scalar, spatial"),
        ("recipe: other", "must be one of"),
        ("- a list", "must be one of"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_bad_recipe_is_refused(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as refused:
        load_recipe(str(path))
    assert "mine.yaml" in str(refused.value)


def test_an_unknown_name_lists_those_that_are_there():
    with pytest.raises(InputError, match="dsw_tiny"):
        load_recipe("dsw_huge")
