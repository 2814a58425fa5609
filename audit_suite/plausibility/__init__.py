"""Reader studies: export reading packs, import readings."""
