"""Scenes of sound events: FOA, and what a 360-degree camera sees."""
