"""Masked diffusion of entries of few values: noise replaces them by masks, and a network predicts them."""
