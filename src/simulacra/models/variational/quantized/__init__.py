"""Autoencoders with codes from a codebook, and a learned prior over these codes."""
