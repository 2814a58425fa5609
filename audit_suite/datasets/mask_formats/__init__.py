"""The shipped mask formats, one file each."""
