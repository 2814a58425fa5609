"""What readers of files share: tables, entries, masks, and the checks and digest of all of them."""
