# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.moments.abc import ABC
from simulacra.models.moments.gmmn import GMMN
from simulacra.models.moments.gmmn_autoencoder import GMMNAutoencoder

__all__ = [
    "ABC",
    "GMMN",
    "GMMNAutoencoder",
]
