"""Operating characteristics of audit-suite itself: the modules of `benchmarks/detection.py`."""
