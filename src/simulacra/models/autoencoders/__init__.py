"""Autoencoders and linear factor models."""

from simulacra.models.autoencoders.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
