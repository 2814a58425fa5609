"""Scores and embeddings of masked images: each image is decoded once and scored once per model."""
