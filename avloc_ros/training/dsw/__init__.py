"""Training of DSW: the audio network of one array, and the fusions."""
