"""One module per system that `avloc demo` shows; each holds a DEMO (kind.py)."""
