"""Keyed draws of the standard gamma distribution, with the gradient in its parameter.

    p(z) = z^(a - 1) e^-z / G(a)

Marsaglia and Tsang draw it by rejection. Each round proposes, for d = a - 1/3 and c = (9 d)^(-1/2),

    n ~ N(0, 1),  u ~ U(0, 1),  v = (1 + c n)^3,  z = d v
    accepted where v > 0 and log u < n^2 / 2 + d - d v + d log v                         (1)

In this library a round has a name of its own, and an entry takes the first round that accepts it; rounds go
on until all entries have one. A row is therefore the same in every batch, and the draw is exact. For a < 1,

    z = z' u^(1/a) with z' ~ Gamma(a + 1)                                                (2)

Rejection has no derivative. That of z at a fixed quantile follows from F(z; a) = constant,

    dz/da = -(dF/da) / p(z),    F(z; a) = sum_k z^(a + k) e^-z / G(a + k + 1)

    d log z / da = sum_k w_k (psi(a + k + 1) - log z),   w_k = z^k / (a (a + 1) ... (a + k))       (3)

For large a equation (3) is replaced by that of Wilson and Hilferty's quantile, at fixed n,

    z = a y^3,   y = 1 - 1 / (9 a) + n / (3 a^(1/2))                                     (4)

which differs by less than 1e-6 of the value there.

Reference: Marsaglia and Tsang 2000; Figurnov, Mohamed and Mnih 2018 (implicit reparameterization).
`torch._standard_gamma_grad` has errors from 1e-6 to 1e-2 of the value. Row C5.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from simulacra.core.densities.inverse_cdf import open_uniform
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng

LARGE = 1e4  # a above which (4) is used
CLOSE = 1e-17  # relative size of a term of (3) that ends the sum


def log_standard_gamma(alpha: Tensor, rng: Rng, name: str) -> Tensor:
    """Draws log z for z ~ Gamma(alpha, 1), shape (B, *); gradients flow to alpha by equation (3).

    The logarithm is finite also where z itself underflows, as it does for a small alpha.

    Args:
        alpha: parameter a above 0, shape (B, *), or (1, *) for all rows.
        rng: generator with B rows.
        name: name of the draw, part of its key.

    Raises:
        ValueError: if a number of alpha is not positive and finite.

    Example:
        >>> alpha = torch.full((3, 2), 2.5, requires_grad=True)
        >>> draw = log_standard_gamma(alpha, Rng(0, rows=range(3)), "z")
        >>> draw.shape, bool((torch.autograd.grad(draw.sum(), alpha)[0] > 0).all())
        (torch.Size([3, 2]), True)
    """
    a = to_float64(alpha.detach())
    if not bool(((a > 0) & a.isfinite()).all()):
        worst = a[~((a > 0) & a.isfinite())][0].item()
        raise ValueError(
            f"the parameter of a gamma distribution is {worst:g}, but it has to be positive and finite: "
            "take softplus or exp of it."
        )
    small = a < 1
    log_z = _first_accepted(torch.where(small, a + 1, a) - 1 / 3, rng, name)
    if bool(small.any()):
        u = open_uniform(rng, f"{name}-boost", *a.shape[1:], dtype=a.dtype)
        # (2)
        log_z = torch.where(small, log_z + u.log() / a, log_z)
    found: Tensor = _Implicit.apply(alpha.expand(log_z.shape), log_z.to(alpha))
    return found


def _first_accepted(d: Tensor, rng: Rng, name: str) -> Tensor:
    """Returns the log of the first accepted proposal of each entry, equation (1), float64."""
    log_z, done = None, None
    for k in itertools.count():
        n = rng.normal(f"{name}-normal-{k}", *d.shape[1:], dtype=d.dtype)
        u = open_uniform(rng, f"{name}-uniform-{k}", *d.shape[1:], dtype=d.dtype)
        v = (1 + n / (9 * d).sqrt()) ** 3
        log_v = v.clamp_min(torch.finfo(d.dtype).tiny).log()
        # (1)
        accepted = (v > 0) & (u.log() < 0.5 * n * n + d - d * v + d * log_v)
        proposed = d.log() + log_v
        if log_z is None or done is None:
            log_z, done = proposed, accepted
        else:
            log_z, done = torch.where(done, log_z, proposed), done | accepted
        if bool(done.all()):
            break
    assert log_z is not None
    return log_z


class _Implicit(torch.autograd.Function):
    """log z as a function of alpha, with the derivative (3)."""

    @staticmethod
    def forward(ctx, alpha: Tensor, log_z: Tensor) -> Tensor:
        ctx.save_for_backward(alpha, log_z)
        return log_z.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        alpha, log_z = ctx.saved_tensors
        return gradient * slope(to_float64(alpha), to_float64(log_z)).to(gradient), None


def slope(a: Tensor, log_z: Tensor) -> Tensor:
    """Returns d log z / da at a fixed quantile, equations (3) and (4), shape of a.

    Args:
        a: parameter above 0, float64, shape (B, *).
        log_z: logarithms of draws, float64, shape of a.

    Example:
        >>> one, z = torch.ones(1, dtype=torch.float64), torch.tensor([0.7], dtype=torch.float64)
        >>> round(slope(one, z.log()).item(), 6)
        1.390312
    """
    large = a > LARGE
    # where (4) is used, the sum (3) is that of 1, which is short
    series = _series(a.masked_fill(large, 1), log_z.masked_fill(large, 0))
    return torch.where(large, _of_quantile(a, log_z), series)


def _series(a: Tensor, log_z: Tensor) -> Tensor:
    """Returns the sum (3); its terms grow up to k = z - a and then fall."""
    z, w, psi = log_z.exp(), 1 / a, torch.digamma(a + 1)
    total = w * (psi - log_z)
    for k in itertools.count(1):
        # (3)
        w, psi = w * z / (a + k), psi + 1 / (a + k)
        term = w * (psi - log_z)
        total = total + term
        if bool(((term.abs() <= CLOSE * total.abs()) & (a + k > z)).all()):
            break
    return total


def _of_quantile(a: Tensor, log_z: Tensor) -> Tensor:
    """Returns the derivative of log a + 3 log y at fixed n, with n from equation (4)."""
    y = ((log_z - a.log()) / 3).exp()
    n = 3 * a.sqrt() * (y - 1 + 1 / (9 * a))
    # (4)
    return 1 / a + 3 / y * (1 / (9 * a.square()) - n / (6 * a**1.5))
