"""Recordings and scenes as training examples."""
