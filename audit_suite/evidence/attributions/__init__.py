"""Attributions of a sample of images: regions and pixels explained, and each method tested."""
