# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.boltzmann.convolutional.conv_dbm import ConvDBM
from simulacra.models.boltzmann.convolutional.conv_rbm import ConvRBM
from simulacra.models.boltzmann.deep.dbm import DBM
from simulacra.models.boltzmann.deep.dbn import DBN
from simulacra.models.boltzmann.deep.deep_autoencoder import DeepAutoencoder
from simulacra.models.boltzmann.deep.mp_dbm import MultiPredictionDBM
from simulacra.models.boltzmann.pairwise.boltzmann_machine import BoltzmannMachine
from simulacra.models.boltzmann.pairwise.boosting import BoostedField
from simulacra.models.boltzmann.pairwise.gated_bm import GatedBM
from simulacra.models.boltzmann.pairwise.higher_order import HigherOrderBM
from simulacra.models.boltzmann.pairwise.unrolled import UnrolledMRF
from simulacra.models.boltzmann.recurrent.crbm import CRBM
from simulacra.models.boltzmann.recurrent.factored_crbm import FactoredCRBM
from simulacra.models.boltzmann.recurrent.rnn_nade import RNNNADE
from simulacra.models.boltzmann.recurrent.rnn_rbm import RNNRBM
from simulacra.models.boltzmann.recurrent.rtrbm import RTRBM
from simulacra.models.boltzmann.restricted.discriminative_rbm import DiscriminativeRBM
from simulacra.models.boltzmann.restricted.gaussian_rbm import GaussianRBM
from simulacra.models.boltzmann.restricted.grouped_rbm import GroupedRBM
from simulacra.models.boltzmann.restricted.mixture_rbm import MixtureRBM
from simulacra.models.boltzmann.restricted.rbm import RBM
from simulacra.models.boltzmann.restricted.structured_crbm import StructuredCRBM

__all__ = [
    "CRBM",
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
    "DeepAutoencoder",
    "DiscriminativeRBM",
    "FactoredCRBM",
    "GatedBM",
    "GaussianRBM",
    "GroupedRBM",
    "HigherOrderBM",
    "MixtureRBM",
    "MultiPredictionDBM",
    "StructuredCRBM",
    "UnrolledMRF",
]
