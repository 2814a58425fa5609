"""A record where others look for it: in CI, in a signed statement, in cards of other formats."""
