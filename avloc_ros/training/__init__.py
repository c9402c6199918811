"""How networks are trained (offline)."""
