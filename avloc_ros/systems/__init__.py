"""One front door per published system: build(config), step(chunk), reset()."""
