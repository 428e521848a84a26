# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.diffusion.consistency import Consistency
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.flow_matching import FlowMatching
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.models.diffusion.masked.model import MaskedDiffusion

__all__ = [
    "DDPM",
    "Consistency",
    "Diffusion",
    "FlowMatching",
    "MaskedDiffusion",
]
