# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.flows.flow import Flow
from simulacra.models.flows.gaussian import GaussianModel
from simulacra.models.flows.real_nvp import RealNVP

__all__ = [
    "Flow",
    "GaussianModel",
    "RealNVP",
]
