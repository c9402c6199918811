"""What networks are trained on (offline)."""
