"""RBMs with biases for each row: the real frames of recurrent models.

    E(x, h | b_t, c_t) = |x - b_t|^2 / 2 s^2 - c_t'h - (x / s)'W_t h             (1)

has x | h ~ N(b_t + s W_t h, s^2), with s one number for each entry. In the residuals r = (x - b_t) / s,

    E = |r|^2 / 2 - (c_t + W_t'b_t / s)'h - r'W_t h                              (2)
    log Z_t = log sum_h exp(h'(c_t + W_t'b_t / s) + |W_t h|^2 / 2) + sum_i log(s_i sqrt(2 pi))   (3)

so that chains and annealing start close to the frame, however small s is. W_t = W, or a product of factors

    W_t = P diag(g_t) Q'                                                         (4)

with gates g_t: three-way weights without a three-way tensor.

Reference: Taylor, Hinton and Roweis 2007, equation 1; Taylor and Hinton 2009, equation 7. Rows A18, A19.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simulacra.core.numerics.precision import to_float64
from simulacra.core.spaces.plain import Real, Space
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.units import Bernoulli, Gaussian, Units

ENTRIES = 2**22  # largest number of entries of the sum (3) in memory


class RealFrames(Machine):
    """An RBM of the residuals of frames, equation (2); its condition is c_t + W_t'b_t / s, then g_t.

    Args:
        space: space of one frame.
        hidden: number of hidden units.
        burn_in: Gibbs sweeps for a frame, starting from independent units.
        factors: number of factors of (4); 0: W_t = W for all t.

    Example:
        >>> frame = RealFrames(Real((3,)), hidden=2, burn_in=5)
        >>> frame.prepared(torch.ones(1, 3), (torch.ones(1, 3), torch.zeros(1, 2)))[0].tolist()
        [[0.0, 0.0, 0.0]]
    """

    scale: Tensor

    def __init__(self, space: Space, hidden: int, burn_in: int, factors: int = 0):
        d = space.dims
        units: dict[str, Units] = {"v": Gaussian(), "h": Bernoulli()}
        shapes: dict[str, tuple[int, ...]] = {"v": (d,), "h": (hidden,)}
        super().__init__(space, units, shapes, (("h",), ("v",)), Real((hidden + factors,)), burn_in)
        self.sizes = [hidden, factors]
        self.register_buffer("scale", torch.ones(d))
        if factors:
            # the product of two small random matrices would be all but 0
            self.P = nn.Parameter(torch.randn(d, factors) / (10 * d) ** 0.5)
            self.Q = nn.Parameter(torch.randn(hidden, factors) / (10 * factors) ** 0.5)
        else:
            self.W = nn.Parameter(0.01 * torch.randn(d, hidden))

    # ---- frames and residuals

    def prepared(self, x: Tensor, biases: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Returns residuals x - b_t and conditions for frames, shapes (*, d) and (*, entries).

        Args:
            x: frames, shape (*, d).
            biases: b_t and c_t, shapes (*, d) and (*, hidden); with factors also g_t, shape (*, factors).
        """
        b, c, *gates = biases
        # (2)
        return x - b, torch.cat([c + self.up(b / self.scale, *gates), *gates], -1)

    def finished(self, x: Tensor, biases: tuple[Tensor, ...]) -> Tensor:
        """Returns the frames of residuals, shape (*, d).

        Args:
            x: residuals x - b_t, shape (*, d).
            biases: b_t first, shape (*, d).
        """
        return x + biases[0]

    def visible(self, x: Tensor) -> Tensor:
        """Converts residuals to the layer v: divided by s, shape (B, d).

        Args:
            x: residuals, shape (B, d).
        """
        return super().visible(x) / self.scale

    def observed(self, v: Tensor) -> Tensor:
        """Converts the layer v to residuals: multiplied by s, shape (B, d).

        Args:
            v: visible units, shape (B, d).
        """
        return super().observed(v * self.scale)

    # ---- weights

    def up(self, v: Tensor, *gates: Tensor) -> Tensor:
        """Computes W_t'v, shape (*, hidden).

        Args:
            v: visible units, shape (*, d).
            gates: g_t of (4), shape (*, factors); none without factors.
        """
        # (4)
        return ((v @ self.P) * gates[0]) @ self.Q.T if gates else v @ self.W

    def down(self, h: Tensor, *gates: Tensor) -> Tensor:
        """Computes W_t h, shape (*, d).

        Args:
            h: hidden units, shape (*, hidden).
            gates: g_t of (4), shape (*, factors); none without factors.
        """
        # (4)
        return ((h @ self.Q) * gates[0]) @ self.P.T if gates else h @ self.W.T

    # ---- energy

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of equation (2) without |r|^2 / 2, in nats, shape (*,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        # (2)
        return -(layers["h"] * self.field("h", layers, c)).sum(-1)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns W_t h on v, and the biases with W_t'v on h, shape (*, units).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        bias, *gates = self.split(c)
        return self.down(layers["h"], *gates) if name == "v" else bias + self.up(layers["v"], *gates)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0) = 0, shape (*,), and the field on h.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        field = self.field("h", layers, c)
        return field.new_zeros(field.shape[:-1]), {"h": field}

    def split(self, c: Tensor | None) -> list[Tensor]:
        """Returns the biases of the hidden units and, with factors, the gates.

        Args:
            c: conditions, shape (*, entries).
        """
        assert c is not None, "the biases are the condition"
        return list(c.split([size for size in self.sizes if size], -1))

    # ---- log Z

    def base_log_z(self) -> Tensor:
        """Computes log Z of the independent units with respect to dx, in nats, shape ()."""
        return super().base_log_z() + to_float64(self.scale.log()).sum()

    def log_partition(self, c: Tensor) -> Tensor:
        """Computes log Z_t of equation (3) in nats, differentiable, shape (N,).

        Args:
            c: conditions, shape (N, entries).

        Example:
            >>> frame = RealFrames(Real((1,)), hidden=3, burn_in=5)
            >>> none = frame.log_partition(torch.zeros(1, 3)) - torch.tensor(2 * torch.pi).log() / 2
            >>> round(none.exp().item(), 1)  # 2^3 states
            8.0
        """
        (hidden, _), parts = self.sizes, []
        d = self.space.dims
        size = max(1, ENTRIES // max(1, len(c) * d))
        for start in range(0, 2**hidden, size):
            _, log_weights = self._states(start, min(start + size, 2**hidden), c)
            parts.append(log_weights.logsumexp(1))
        log_z = torch.stack(parts, 1).logsumexp(1)
        return log_z + d * math.log(2 * math.pi) / 2 + self.scale.log().sum()

    def mean_of(self, c: Tensor) -> Tensor:
        """Computes E[h] of the machine by summing over the states of h, shape (N, hidden).

        Args:
            c: conditions, shape (N, entries).
        """
        h, log_weights = self._states(0, 2 ** self.sizes[0], c)
        return log_weights.softmax(1) @ h

    def _states(self, start: int, stop: int, c: Tensor) -> tuple[Tensor, Tensor]:
        """Returns states of h, shape (M, hidden), and the logs of their terms in (3), shape (N, M)."""
        bias, *gates = (part.unsqueeze(1) for part in self.split(c))
        h = Bernoulli().states(start, stop, (self.sizes[0],)).to(c)
        # (3)
        return h, (h * bias).sum(2) + self.down(h, *gates).square().sum(-1) / 2
