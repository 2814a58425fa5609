"""Estimates from the scores of masked images."""
