"""Belief nets: directed models with layers of binary hidden units and a recognition net."""

from simulacra.models.beliefs.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
