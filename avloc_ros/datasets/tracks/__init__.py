"""Moving sources and assignment problems: what diff_track learns from."""
