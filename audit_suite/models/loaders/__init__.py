"""How models are loaded: one file per loader, each of which registers itself."""
