"""Adversarial models: generators trained against a discriminator; each model is a configuration of `Game`."""

from simulacra.models.adversarial.catalog import ENTRIES
from simulacra.models.entry import classes_of

__all__, __getattr__ = classes_of(__name__, ENTRIES)
