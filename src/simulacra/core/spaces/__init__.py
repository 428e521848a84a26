"""Spaces: shape and support of one observation."""
