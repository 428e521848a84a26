# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.autoencoders.autoencoder import Autoencoder
from simulacra.models.autoencoders.contractive import ContractiveAutoencoder
from simulacra.models.autoencoders.conv_generator import ConvGenerator
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula
from simulacra.models.autoencoders.memorizer import Memorizer
from simulacra.models.autoencoders.pca import PCA
from simulacra.models.autoencoders.ppca import PPCA
from simulacra.models.autoencoders.stacked import StackedAutoencoder

__all__ = [
    "PCA",
    "PPCA",
    "Autoencoder",
    "ContractiveAutoencoder",
    "ConvGenerator",
    "GaussianCopula",
    "Memorizer",
    "StackedAutoencoder",
]
