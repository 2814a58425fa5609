"""Operating characteristics of the default rules: the modules of `benchmarks/decisions.py`."""
