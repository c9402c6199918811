"""Scores of sound event localization and detection, as the DCASE challenges count them."""
