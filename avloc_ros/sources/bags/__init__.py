"""Bags: mcap and sqlite3, read, written, repaired, turned into scenes and back."""
