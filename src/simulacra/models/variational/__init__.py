"""Latent variable models with an amortised posterior, trained on a variational bound."""

from simulacra.models.entry import classes_of
from simulacra.models.variational.catalog import ENTRIES

__all__, __getattr__ = classes_of(__name__, ENTRIES)
