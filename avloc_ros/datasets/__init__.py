"""What networks learn from: recordings, cached grids, sound mixed on the fly, and their targets."""
