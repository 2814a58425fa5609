"""Coverage of intervals and levels of tests: the modules of `benchmarks/coverage.py`."""
