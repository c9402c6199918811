"""Scenes as glasses record them: a turning head among people."""
