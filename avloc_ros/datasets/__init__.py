"""Data sets for training: what is read from disk, and what is drawn at random."""
