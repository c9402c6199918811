"""How networks learn: recipes, loops, and what comes out of them."""
