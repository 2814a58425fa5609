"""The shipped causes, one file each; a new file here registers its cause when it is imported."""
