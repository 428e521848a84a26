"""A Gaussian over the cells of normal scores: an exact probability of discrete values.

    P(cell [a, b)) = Phi(v) - Phi(u),    u = (a - m) / s,  v = (b - m) / s                        (1)

For a narrow cell with middle c = (u + v) / 2 and half width h, the difference would lose its significant
digits, so a series is used:

    P = 2 h phi(c) (1 + He_2 h^2 / 3! + He_4 h^4 / 5! + He_6 h^6 / 7! + ...)                      (2)

with the Hermite polynomials He_n of c.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import LOG_2PI, Distribution, log1mexp
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.numeric import Grid, Scores

NARROW = 0.1  # h (1 + |c|) below which the series holds to 11 digits


@dataclass
class IntervalGaussian(Distribution):
    """N(loc, exp(log_scale)^2) over normal scores, integrated over cells by equation (1).

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.
        cells: space of the scores, or a grid of several columns.

    Example:
        >>> p = IntervalGaussian(torch.zeros(1), torch.zeros(1), 0, Scores(edges=(0.0,)))
        >>> p.log_prob(torch.tensor([0.3])).exp().item()
        0.5
    """

    loc: Tensor
    log_scale: Tensor
    event_dims: int
    cells: Scores | Grid
    discrete = True

    def entries(self, x: Tensor) -> Tensor:
        """Returns log P of the cell that contains x."""
        # half precision, as under autocast, would merge neighbouring cells
        loc, log_scale = _single(self.loc), _single(self.log_scale)
        a, b = self.cells.ends(x.to(loc.dtype))
        return log_mass(a, b, loc, log_scale)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Returns m + s eps, a score inside the drawn cell."""
        eps = rng.normal(name, *self.loc.shape[1:], dtype=self.loc.dtype)
        return self.loc + torch.exp(self.log_scale) * eps

    @property
    def mean(self) -> Tensor:
        """The mean score m."""
        return self.loc


def _single(t: Tensor) -> Tensor:
    return t.float() if t.dtype in (torch.bfloat16, torch.float16) else t


def log_mass(a: Tensor, b: Tensor, loc: Tensor, log_scale: Tensor) -> Tensor:
    """Returns log (Phi((b - m) / s) - Phi((a - m) / s)) in nats, with finite gradients everywhere.

    Args:
        a: lower ends, -inf for the first cell, any shape.
        b: upper ends, inf for the last cell, shape of `a`.
        loc: m, broadcast to `a`.
        log_scale: log s, broadcast to `a`.

    Example:
        >>> zero = torch.zeros(())
        >>> round(log_mass(torch.tensor(-1.0), torch.tensor(1.0), zero, zero).exp().item(), 4)
        0.6827
    """
    first, last = a.isinf(), b.isinf()
    # replace infinite ends by finite ones: the outer torch.where discards that branch
    near = torch.where(first, torch.where(last, torch.zeros_like(b), b - 1), a)
    far = torch.where(last, near + 1, b)
    inverse = torch.exp(-log_scale)
    u, v = (near - loc) * inverse, (far - loc) * inverse
    h = 0.5 * (far - near) * inverse
    # (1)
    found = torch.where(first, _log_ndtr(v, first), _between(u, v, h))
    found = torch.where(last, _log_ndtr(-u, last), found)
    return torch.where(first & last, torch.zeros_like(found), found)


def _between(u: Tensor, v: Tensor, h: Tensor) -> Tensor:
    """Returns the log of the mass between u and v = u + 2 h."""
    c = 0.5 * (u + v)
    narrow = h * (1 + c.abs()) < NARROW
    # (2), with safe arguments in the branch not taken, whose gradient must be finite
    c2 = torch.where(narrow, c, torch.zeros_like(c)).square()
    half = torch.where(narrow, h, torch.full_like(h, NARROW))
    h2 = half.square()
    he4, he6 = (c2 - 6) * c2 + 3, ((c2 - 15) * c2 + 45) * c2 - 15
    series = h2 * ((c2 - 1) / 6 + h2 * (he4 / 120 + h2 * he6 / 5040))
    inner = -0.5 * (c2 + LOG_2PI) + torch.log(2 * half) + torch.log1p(series)
    # (1) on the side of the smaller tail
    upper = torch.where(narrow, torch.zeros_like(c), torch.where(c > 0, -u, v))
    lower = torch.where(narrow, -torch.ones_like(c), torch.where(c > 0, -v, u))
    top, bottom = _log_ndtr(upper, ~narrow), _log_ndtr(lower, ~narrow)
    gap = torch.where(narrow, torch.ones_like(c), top - bottom).clamp_min(torch.finfo(c.dtype).tiny)
    return torch.where(narrow, inner, top + log1mexp(gap.log()))


def _log_ndtr(x: Tensor, where: Tensor) -> Tensor:
    """log Phi(x) in the places `where`, which is all that is computed where nothing asks for a gradient.

    It takes most of the time of a mass, and few cells are wide or at an end.
    """
    if torch.is_grad_enabled() or torch.compiler.is_exporting() or x.device.type != "cpu":
        return torch.special.log_ndtr(x)
    found, where = torch.zeros_like(x), where.expand_as(x)
    found[where] = torch.special.log_ndtr(x[where])
    return found
