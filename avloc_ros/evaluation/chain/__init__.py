"""The systems of a table, run over a recording: front ends, fusions, contestants."""
