"""Autoregressive models: exact log p(x) by the chain rule."""

from simulacra.models.autoregressive.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
