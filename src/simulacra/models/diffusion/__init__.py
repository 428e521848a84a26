"""Diffusion models: noise added step by step, and a network that leads back."""

from simulacra.models.diffusion.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
