"""Cached grids of both front ends, and what a grid should say."""
