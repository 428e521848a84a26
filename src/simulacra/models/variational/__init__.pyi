# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.variational.hierarchical import HierarchicalVAE
from simulacra.models.variational.iwae import IWAE
from simulacra.models.variational.vae import VAE
from simulacra.models.variational.vrnn import VRNN

__all__ = [
    "IWAE",
    "VAE",
    "VRNN",
    "HierarchicalVAE",
]
