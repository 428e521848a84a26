"""Boltzmann machines: undirected models with an energy."""

from simulacra.models.boltzmann.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
