"""Pairs: rows x whose condition c is an observation itself, such as an image, a wave or the frames before."""
