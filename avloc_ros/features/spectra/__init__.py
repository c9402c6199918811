"""Spectra of sound over time, their bands and levels, and whether there is a voice in them."""
