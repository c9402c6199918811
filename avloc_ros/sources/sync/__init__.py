"""One clock for sound and picture: alignment, drift, gaps."""
