# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.models.flows.gaussian import GaussianModel

__all__ = [
    "GaussianModel",
]
