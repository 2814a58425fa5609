"""Scores and embeddings of masked images: every image decoded once, every model run once on it."""
