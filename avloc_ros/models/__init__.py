"""Networks: their graphs, and how to read what they put out."""
