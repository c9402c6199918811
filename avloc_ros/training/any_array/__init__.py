"""Training of what the default ear is made of: the networks for any array, and the one that weighs candidates."""
