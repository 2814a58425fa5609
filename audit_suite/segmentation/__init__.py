"""Masks by a segmentation model of the user's own: run it, measure the masks, write them."""
