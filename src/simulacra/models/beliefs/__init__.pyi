# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.beliefs.belief_net import BeliefNet
from simulacra.models.beliefs.darn import DARN

__all__ = [
    "DARN",
    "BeliefNet",
]
