"""Readers in the loop: reading packs out, readings in, and what may be said of them."""
