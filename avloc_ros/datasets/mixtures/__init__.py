"""Sound mixed as it is needed: dry voices and other sounds, in banks of rooms."""
