"""Walks in the latent space: interpolation, arithmetic, inversion, maps."""
