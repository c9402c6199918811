"""Tensors and grids to detections."""
