# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.beliefs.belief_net import BeliefNet
from simulacra.models.beliefs.bidirectional import BiHM
from simulacra.models.beliefs.darn import DARN
from simulacra.models.beliefs.mean_field import MeanFieldSBN

__all__ = [
    "DARN",
    "BeliefNet",
    "BiHM",
    "MeanFieldSBN",
]
