"""Models by card: load them, prepare their input as declared, score batches.

Importing this package imports no torch: cards look up loaders in processes that score nothing.
"""
