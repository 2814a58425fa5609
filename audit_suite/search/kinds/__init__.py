"""Shipped strategies of changes, one or two per file; each registers itself."""
