"""Flows: invertible maps of noise, whose density is exact."""

from simulacra.models.entry import classes_of
from simulacra.models.flows.catalog import ENTRIES

__all__, __getattr__ = classes_of(__name__, ENTRIES)
