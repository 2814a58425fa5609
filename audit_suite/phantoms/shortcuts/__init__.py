"""Shortcuts that a phantom can plant: one file per shortcut, each of which registers itself."""
