"""The instrument's own operating characteristics: what `benchmarks/detection.py` is made of."""
