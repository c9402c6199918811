"""Losses: what training makes small. Torch, offline only."""
