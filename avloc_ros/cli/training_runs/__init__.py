"""How `avloc train` runs each family of recipes: one file each, named by training/recipes.py, with `run(recipe, request)`."""
