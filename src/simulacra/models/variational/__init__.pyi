# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.variational.hierarchical import HierarchicalVAE
from simulacra.models.variational.iwae import IWAE
from simulacra.models.variational.quantized.vq_vae import VQVAE
from simulacra.models.variational.sequences.vrnn import VRNN
from simulacra.models.variational.texts.chemical_vae import ChemicalVAE
from simulacra.models.variational.texts.sentence_vae import SentenceVAE
from simulacra.models.variational.vae import VAE

__all__ = [
    "IWAE",
    "VAE",
    "VQVAE",
    "VRNN",
    "ChemicalVAE",
    "HierarchicalVAE",
    "SentenceVAE",
]
