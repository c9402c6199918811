"""What it costs on this machine (`avloc bench`)."""
