"""A codebook that follows its codes: vector quantization with running sums.

    j = argmin_k |z - e_k|,   z = f(x)                                                             (1)
    N_k <- g N_k + (1-g) n_k,  m_k <- g m_k + (1-g) sum_{j=k} z,  e_k = m_k / N_k                  (2)
    min |x - g(e_j)|^2 + |z - sg(e_j)|^2                                                           (3)

What strains the contract: `after` needs sums of shapes (K,) and (K, d) over all micro-batches and processes.

Reference: van den Oord, Vinyals and Kavukcuoglu 2017, appendix A.1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Encodes
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update


class Codebook(Model, Encodes):
    """Vector quantization of real vectors.

    Args:
        space: what one observation is.
        codes: number of codes K.
        width: size of a code d.
        decay: g of equation (2).
    """

    def __init__(self, space: Space, codes: int = 5, width: int = 2, decay: float = 0.8):
        super().__init__(space)
        self.codes, self.decay = codes, decay
        self.f, self.g = nn.Linear(space.dims, width), nn.Linear(width, space.dims)
        self.register_buffer("N", torch.ones(codes))
        self.register_buffer("m", torch.randn(codes, width))

    def updates(self) -> list[Update]:
        """One player; its buffers follow in `after`."""
        return [Update("codebook", ("",), quantized, after=follow)]

    @property
    def e(self) -> Tensor:
        """The codes, shape (K, d)."""
        return self.m / self.N.unsqueeze(1)

    def nearest(self, z: Tensor) -> Tensor:
        """j of equation (1), shape (B,)."""
        return (z.unsqueeze(1) - self.e).square().sum(2).argmin(1)

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """e_j, shape (B, d)."""
        return self.e[self.nearest(self.f(self.features(x).flatten(1)))]


def quantized(model: Codebook, batch: Batch, rng: Rng) -> Terms:
    """Equation (3), with the sums of (2) as statistics."""
    x = model.features(batch.x).flatten(1)
    z = model.f(x)
    j = model.nearest(z.detach())
    e = model.e[j]
    straight = z + (e - z).detach()
    n = F.one_hot(j, model.codes)
    loss = {
        "reconstruction": (x - model.g(straight)).square().sum(1),
        "commitment": (z - e).square().sum(1),
    }
    # counts are whole numbers, sums are real ones
    return Terms(loss, stats={"n": n.sum(0), "z": n.to(z.dtype).T @ z})


def follow(model: Codebook, terms: Mapping[str, Tensor], progress: float) -> None:
    """Equation (2)."""
    model.N.mul_(model.decay).add_(terms["n"], alpha=1 - model.decay)
    model.m.mul_(model.decay).add_(terms["z"], alpha=1 - model.decay)
