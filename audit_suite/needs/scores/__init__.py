"""Estimates from a model's scores on full and masked images."""
