"""Small but real models that strain the contract, one a file."""

from .began import BEGAN
from .denoising import StackedDenoising
from .gaussian import GaussianModel
from .gmmn import GMMN
from .growing import Growing
from .m2 import M2
from .rws import WakeSleep
from .vbn import VirtualBatchNormGAN
from .wgan import WGAN

__all__ = [
    "BEGAN",
    "GMMN",
    "M2",
    "WGAN",
    "GaussianModel",
    "Growing",
    "StackedDenoising",
    "VirtualBatchNormGAN",
    "WakeSleep",
]
