"""The shipped formats, one file each."""
