"""Distributions of an observation, and the heads that give their parameters."""
