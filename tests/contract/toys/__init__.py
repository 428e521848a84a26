"""Small but real models that strain the contract, one a file."""

from .denoising import StackedDenoising
from .diffusion import Diffusion
from .gaussian import GaussianModel
from .gmmn import GMMN
from .growing import Growing
from .m2 import M2
from .rws import WakeSleep

__all__ = [
    "GMMN",
    "M2",
    "Diffusion",
    "GaussianModel",
    "Growing",
    "StackedDenoising",
    "WakeSleep",
]
