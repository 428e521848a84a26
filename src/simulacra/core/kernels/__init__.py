"""Markov kernels that leave a density with a known energy invariant."""
