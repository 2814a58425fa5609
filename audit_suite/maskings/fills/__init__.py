"""Fills, which replace hidden pixels: one file per fill, each of which registers itself."""
