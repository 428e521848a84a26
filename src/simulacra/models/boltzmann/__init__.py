"""Boltzmann machines: undirected models with an energy."""

from simulacra.models.boltzmann.conv_dbm import ConvDBM
from simulacra.models.boltzmann.conv_rbm import ConvRBM
from simulacra.models.boltzmann.dbm import DBM
from simulacra.models.boltzmann.dbn import DBN
from simulacra.models.boltzmann.gaussian_rbm import GaussianRBM
from simulacra.models.boltzmann.mp_dbm import MultiPredictionDBM
from simulacra.models.boltzmann.rbm import RBM
from simulacra.models.boltzmann.rnn_nade import RNNNADE
from simulacra.models.boltzmann.rnn_rbm import RNNRBM
from simulacra.models.boltzmann.rtrbm import RTRBM

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "RNNNADE",
    "RNNRBM",
    "RTRBM",
    "ConvDBM",
    "ConvRBM",
    "GaussianRBM",
    "MultiPredictionDBM",
]
