"""Boltzmann machines: undirected models with an energy."""

from simulacra.models.boltzmann.rbm import RBM

__all__ = ["RBM"]
