"""Microphones and cameras of this machine."""
