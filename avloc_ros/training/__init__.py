"""Trains networks from recipes."""
