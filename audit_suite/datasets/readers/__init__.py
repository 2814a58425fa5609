"""Readers of data sets: one file per reader, each of which registers itself."""
