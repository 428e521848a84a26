"""Autoregressive models: exact log p(x) by the chain rule."""

from simulacra.models.autoregressive.eonade import EoNADE
from simulacra.models.autoregressive.fvbn import FVBN
from simulacra.models.autoregressive.made import MADE
from simulacra.models.autoregressive.nade import NADE
from simulacra.models.autoregressive.nade_k import NADEK
from simulacra.models.autoregressive.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.models.autoregressive.pixelrnn import PixelRNN
from simulacra.models.autoregressive.rnade import RNADE
from simulacra.models.autoregressive.tabular import Tabular
from simulacra.models.autoregressive.wavenet import WaveNet

__all__ = [
    "FVBN",
    "MADE",
    "NADE",
    "NADEK",
    "RNADE",
    "EoNADE",
    "GatedPixelCNN",
    "PixelCNN",
    "PixelRNN",
    "Tabular",
    "WaveNet",
]
