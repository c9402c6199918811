"""Scenes with exact truth: composed from measured parts, simulated rooms, and the demo."""
