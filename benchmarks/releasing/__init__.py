"""Simulations behind comparisons of releases; see `benchmarks/releases.py`."""
