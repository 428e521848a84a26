"""Information that remains in a code with added Gaussian noise, z = u + sigma e.

    Gaussian codes:   I(u; z) = 1/2 log det(I + S / sigma^2),   u ~ N(m, S)                          (1)
    a list of codes:  I(u; z) = sum_i w_i E_z|i log [N(z; u_i) / sum_j w_j N(z; u_j)] <= H(w)        (2)
    reconstruction:   u^ = E[u|z] = sum_i u_i p(u_i|z)                                               (3)
    both:             d I / d (1 / sigma^2) = 1/2 E |u - E[u|z]|^2                                   (4)

Codes closer than the noise overlap: a z between them is reconstructed as their mean (3), and fewer bits
remain. exp I is the effective number of codes: the number of equally likely codes without overlap that would
carry as much information.

Reference: Cover and Thomas, Elements of Information Theory, 9.1 (1); Guo, Shamai and Verdu 2005 (4). Row I3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64

REACH, STEP = 9.0, 0.1  # range and step of the quadrature grid, in standard deviations of the noise


def gaussian_information(covariance: Tensor, sigma: float) -> Tensor:
    """Returns equation (1) in nats, float64, shape ().

    Args:
        covariance: S of the codes, shape (d, d).
        sigma: standard deviation of the noise in each entry.

    Example:
        >>> round(gaussian_information(torch.eye(2), sigma=1.0).item(), 4)  # log 2
        0.6931
    """
    S = to_float64(covariance)
    eye = torch.eye(len(S), dtype=S.dtype, device=S.device)
    return torch.logdet(eye + S / sigma**2) / 2


def code_information(codes: Tensor, sigma: float, weights: Tensor | None = None) -> Tensor:
    """Returns equation (2) in nats by quadrature, float64, shape ().

    Args:
        codes: u_i, shape (m, d) with d of 1 or 2; (m,) for d = 1.
        sigma: standard deviation of the noise in each entry.
        weights: w_i, shape (m,), with sum 1; None: all codes are equally likely.

    Raises:
        ValueError: if the codes have more than two entries.

    Example:
        >>> two = torch.tensor([-1.0, 1.0])
        >>> [round(code_information(two, sigma).exp().item(), 3) for sigma in (0.1, 1.0, 10.0)]
        [2.0, 1.401, 1.005]
    """
    u, w = _codes(codes, weights)
    noise, mass = _grid(u.shape[1])
    total = torch.zeros((), dtype=torch.float64)
    for code, share in zip(u, w):
        # log N(z; u_i) - log sum_j w_j N(z; u_j), without the constant that cancels
        z = code + sigma * noise
        ratio = -noise.square().sum(1) / 2 - _log_joint(z, u, w, sigma).logsumexp(1)
        total += share * (mass * ratio).sum()
    return total


def reconstruction(z: Tensor, codes: Tensor, sigma: float, weights: Tensor | None = None) -> Tensor:
    """Returns equation (3), the posterior mean of the code, float64, shape (B, d).

    Args:
        z: codes with noise, shape (B, d), or (B,) for d = 1.
        codes: as for `code_information`, with any d.
        sigma: standard deviation of the noise in each entry.
        weights: w_i, shape (m,), with sum 1; None: all codes are equally likely.

    Example:
        >>> reconstruction(torch.tensor([0.0, 0.9]), torch.tensor([-1.0, 1.0]), sigma=0.5).round(decimals=3)
        tensor([[0.0000],
                [0.9990]], dtype=torch.float64)
    """
    u, w = _columns(codes), _weights(codes, weights)
    return _log_joint(_columns(z), u, w, sigma).softmax(1) @ u


def squared_error(codes: Tensor, sigma: float, weights: Tensor | None = None) -> Tensor:
    """Returns the error of reconstruction E |u - E[u|z]|^2 by quadrature, float64, shape ().

    Args:
        codes: u_i, shape (m, d) with d of 1 or 2; (m,) for d = 1.
        sigma: standard deviation of the noise in each entry.
        weights: w_i, shape (m,), with sum 1; None: all codes are equally likely.
    """
    u, w = _codes(codes, weights)
    noise, mass = _grid(u.shape[1])
    errors = [(reconstruction(code + sigma * noise, u, sigma, w) - code).square().sum(1) for code in u]
    return sum(share * (mass * error).sum() for share, error in zip(w, errors))


def _columns(t: Tensor) -> Tensor:
    return to_float64(t if t.dim() > 1 else t.unsqueeze(1))


def _weights(codes: Tensor, weights: Tensor | None) -> Tensor:
    m = len(codes)
    return torch.full((m,), 1 / m, dtype=torch.float64) if weights is None else to_float64(weights)


def _codes(codes: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    u = _columns(codes)
    if u.shape[1] > 2:
        raise ValueError(
            f"codes have {u.shape[1]} entries, but the quadrature is for 1 or 2: for more, "
            "evaluation.aggregate_kl estimates the information of a model's codes by draws."
        )
    return u, _weights(codes, weights)


def _log_joint(z: Tensor, u: Tensor, w: Tensor, sigma: float) -> Tensor:
    """Returns log w_j - |z - u_j|^2 / (2 sigma^2), shape (B, m)."""
    return w.log() - (z.unsqueeze(1) - u).square().sum(2) / (2 * sigma**2)


def _grid(d: int) -> tuple[Tensor, Tensor]:
    """Returns points of the noise, shape (G, d), and their probabilities, shape (G,), by the trapezoid rule.

    For such smooth functions it converges faster than any power of the step.
    """
    line = torch.arange(-REACH, REACH + STEP / 2, STEP, dtype=torch.float64)
    points = torch.cartesian_prod(*[line] * d).view(-1, d)
    density = torch.exp(-points.square().sum(1) / 2)
    return points, density / density.sum()
