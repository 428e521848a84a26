"""Masked diffusion: entries of few values turn to masks, and a network guesses what they hide."""
