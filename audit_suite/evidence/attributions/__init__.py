"""Attributions for a sample of images, by regions and by pixels, and tests of each method."""
