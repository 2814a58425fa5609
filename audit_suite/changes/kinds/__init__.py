"""Changes, which must move a score or must not: each file registers what it holds."""
