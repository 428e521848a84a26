"""Boltzmann machines: undirected models with an energy."""

from simulacra.models.boltzmann.boltzmann_machine import BoltzmannMachine
from simulacra.models.boltzmann.boosting import BoostedField
from simulacra.models.boltzmann.conv_dbm import ConvDBM
from simulacra.models.boltzmann.conv_rbm import ConvRBM
from simulacra.models.boltzmann.dbm import DBM
from simulacra.models.boltzmann.dbn import DBN
from simulacra.models.boltzmann.discriminative_rbm import DiscriminativeRBM
from simulacra.models.boltzmann.gated_bm import GatedBM
from simulacra.models.boltzmann.gaussian_rbm import GaussianRBM
from simulacra.models.boltzmann.grouped_rbm import GroupedRBM
from simulacra.models.boltzmann.higher_order import HigherOrderBM
from simulacra.models.boltzmann.mixture_rbm import MixtureRBM
from simulacra.models.boltzmann.mp_dbm import MultiPredictionDBM
from simulacra.models.boltzmann.rbm import RBM
from simulacra.models.boltzmann.rnn_nade import RNNNADE
from simulacra.models.boltzmann.rnn_rbm import RNNRBM
from simulacra.models.boltzmann.rtrbm import RTRBM
from simulacra.models.boltzmann.unrolled import UnrolledMRF

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "RNNNADE",
    "RNNRBM",
    "RTRBM",
    "BoltzmannMachine",
    "BoostedField",
    "ConvDBM",
    "ConvRBM",
    "DiscriminativeRBM",
    "GatedBM",
    "GaussianRBM",
    "GroupedRBM",
    "HigherOrderBM",
    "MixtureRBM",
    "MultiPredictionDBM",
    "UnrolledMRF",
]
