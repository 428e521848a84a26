"""RBMs with biases for each row: the binary frames of recurrent models.

    E(v, h | b_t, c_t) = -b_t'v - c_t'h - v'W h                                  (1)
    log Z_t = log sum_h exp(c_t'h + sum_i softplus(b_ti + (W h)_i))              (2)

with the sum of (2) over the smaller layer.

Reference: Sutskever, Hinton and Taylor 2009; Boulanger-Lewandowski, Bengio and Vincent 2012. Rows A21, A22.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.spaces.plain import Real, Space
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.units import Bernoulli, Units

ENTRIES = 2**22  # largest number of entries of the sum (2) in memory


class Frames(Machine):
    """An RBM whose condition is its biases, equation (1): b_t, then c_t.

    Args:
        space: space of one frame.
        hidden: number of hidden units.
        burn_in: Gibbs sweeps for a frame, starting from independent units.
    """

    def __init__(self, space: Space, hidden: int, burn_in: int):
        d = space.dims
        units: dict[str, Units] = {"v": Bernoulli(), "h": Bernoulli()}
        shapes: dict[str, tuple[int, ...]] = {"v": (d,), "h": (hidden,)}
        super().__init__(space, units, shapes, (("h",), ("v",)), Real((d + hidden,)), burn_in)
        self.W = nn.Parameter(0.01 * torch.randn(d, hidden))

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of equation (1) in nats, shape (*,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        b, bias = self._split(c)
        # (1)
        return -(layers["v"] * b).sum(-1) - (layers["h"] * (bias + layers["v"] @ self.W)).sum(-1)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns b_t + W h on v, c_t + W'v on h, shape (*, units).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        b, bias = self._split(c)
        return b + layers["h"] @ self.W.T if name == "v" else bias + layers["v"] @ self.W

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0), shape (*,), and the field on h.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        return -(layers["v"] * self._split(c)[0]).sum(-1), {"h": self.field("h", layers, c)}

    def prepared(self, x: Tensor, biases: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Returns observations and conditions of this machine for frames, shapes (*, d) and (*, entries).

        Args:
            x: frames, shape (*, d).
            biases: b_t and c_t, shapes (*, d) and (*, hidden).
        """
        return x, torch.cat(biases, -1)

    def finished(self, x: Tensor, biases: tuple[Tensor, ...]) -> Tensor:
        """Returns the frames of observations of this machine, shape (*, d).

        Args:
            x: observations of this machine, shape (*, d).
            biases: b_t and c_t.
        """
        return x

    def log_partition(self, c: Tensor) -> Tensor:
        """Computes log Z_t of equation (2) in nats, differentiable, shape (N,).

        Args:
            c: conditions, shape (N, d + hidden).
        """
        return log_partition(self.W, *self._split(c))

    def _split(self, c: Tensor | None) -> tuple[Tensor, Tensor]:
        assert c is not None, "the biases are the condition"
        b, bias = c.split(list(self.W.shape), -1)
        return b, bias


def log_partition(W: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Computes log Z_t of equation (2) for each row of biases, in nats, differentiable, shape (N,).

    Args:
        W: weights, shape (d, hidden).
        b: biases of the visible units, shape (N, d).
        c: biases of the hidden units, shape (N, hidden).

    Example:
        >>> log_partition(torch.zeros(2, 3), torch.zeros(1, 2), torch.zeros(1, 3)).exp()
        tensor([32.])
    """
    d, hidden = W.shape
    if hidden > d:
        return log_partition(W.T, c, b)
    parts = []
    size = max(1, ENTRIES // max(1, len(b) * d))
    for start in range(0, 2**hidden, size):
        h = Bernoulli().states(start, min(start + size, 2**hidden), (hidden,)).to(W)
        # (2)
        of_v = F.softplus(b.unsqueeze(1) + h @ W.T).sum(2)
        parts.append((c @ h.T + of_v).logsumexp(1))
    return torch.stack(parts, 1).logsumexp(1)
