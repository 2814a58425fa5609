"""Estimates from embeddings: how far masking moves an image, and what else is encoded."""
