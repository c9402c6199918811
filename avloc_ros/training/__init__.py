"""Training: recipes and the loops that follow them. Torch and lightning, offline only."""
