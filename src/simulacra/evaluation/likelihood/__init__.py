"""Likelihoods of held-out rows, partition functions by annealing, and traps of densities."""
