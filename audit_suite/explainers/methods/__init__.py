"""Explainers of pixels: one file per method, each of which registers itself."""
