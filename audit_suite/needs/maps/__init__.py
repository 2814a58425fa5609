"""Estimates from attributions: where an output comes from, and whether a map is reliable."""
