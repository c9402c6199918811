"""Metrics against truth, peers, reports and benchmarks. Offline: no runtime room imports this one."""
