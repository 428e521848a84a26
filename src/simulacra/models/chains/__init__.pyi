# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.chains.discriminant_gsn import DiscriminantGSN
from simulacra.models.chains.gsn import GSN
from simulacra.models.chains.neural_ebm import NeuralEBM

__all__ = [
    "GSN",
    "DiscriminantGSN",
    "NeuralEBM",
]
