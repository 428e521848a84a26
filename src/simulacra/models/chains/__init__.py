"""Chains: models that are sampled by a Markov chain over observations, energies and walks of denoising."""

from simulacra.models.chains.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
