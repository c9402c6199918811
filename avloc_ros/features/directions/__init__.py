"""Where sound comes from: steered power, flows, mixtures of directions."""
