"""What is put in place of hidden pixels: one file per fill, each of which registers itself."""
