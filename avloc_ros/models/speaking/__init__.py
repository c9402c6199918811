"""The network that says who speaks."""
