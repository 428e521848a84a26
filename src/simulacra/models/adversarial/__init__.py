"""Adversarial models: samplers trained by a game; each is a choice of pieces."""

from simulacra.models.adversarial.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
