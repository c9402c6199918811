"""What all nodes are made of: life cycle, parameters, health, workers, stamps."""
