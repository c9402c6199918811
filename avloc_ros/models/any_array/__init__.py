"""Networks of the default ear."""
