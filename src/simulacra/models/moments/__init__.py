"""Moment matching: generators that need no likelihood, trained or chosen by statistics of their samples."""

from simulacra.models.entry import classes_of
from simulacra.models.moments.catalog import ENTRIES

__all__, __getattr__ = classes_of(__name__, ENTRIES)
