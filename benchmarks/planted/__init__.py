"""Full audits of shortcuts planted into real films: the modules of `benchmarks/planted.py`."""
