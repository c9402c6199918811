"""Engines that run networks, and the model files they need."""
