"""Classifiers trained here, on masks, metadata and image properties, honestly cross-validated."""
