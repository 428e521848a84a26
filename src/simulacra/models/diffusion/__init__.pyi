# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.inversion import Diffusion

__all__ = [
    "DDPM",
    "Diffusion",
]
