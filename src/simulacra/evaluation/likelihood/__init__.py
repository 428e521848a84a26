"""Likelihoods of held-out rows, partition functions by annealing, and tests for unbounded densities."""
