"""Simulations behind comparisons of releases; see `benchmarks/regressions.py`."""
