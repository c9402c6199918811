"""Training of the network that says who speaks."""
