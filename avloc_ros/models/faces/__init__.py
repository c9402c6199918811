"""Face detectors: which network it is, and how to read what it puts out."""
