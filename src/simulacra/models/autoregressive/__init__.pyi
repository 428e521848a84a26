# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.autoregressive.images.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.models.autoregressive.images.pixelrnn import PixelRNN
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.autoregressive.transformer import Transformer
from simulacra.models.autoregressive.vectors.eonade import EoNADE
from simulacra.models.autoregressive.vectors.fvbn import FVBN
from simulacra.models.autoregressive.vectors.made import MADE
from simulacra.models.autoregressive.vectors.nade import NADE
from simulacra.models.autoregressive.vectors.nade_k import NADEK
from simulacra.models.autoregressive.vectors.rnade import RNADE
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
    "Transformer",
    "WaveNet",
]
