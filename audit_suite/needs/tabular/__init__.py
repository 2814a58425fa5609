"""Estimates from masks, metadata and image properties, by cross-validated classifiers."""
