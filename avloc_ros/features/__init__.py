"""Features of sound and picture."""
