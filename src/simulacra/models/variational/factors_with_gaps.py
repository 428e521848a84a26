"""Codes of rows with gaps, by the factors of the columns of normal scores.

The encoder of a table takes rows without gaps. With the standardized features y of probabilistic PCA (its
W and s^2 are those of `factors_from_data`) and its observed entries o,

    P = I + W_o' W_o / s^2,     z | y_o ~ N(P^-1 W_o' y_o / s^2, P^-1)                                    (1)
    y_missing = W_missing E[z | y_o]                                                                       (2)
    sigma_i^2(x_o) = sigma_i^2(x) (P^-1)_ii / (P_all^-1)_ii                                                (3)

(2) is what the encoder takes for the missing features. Its mean of a code is then that of (1) as long as it
is linear, since E[E[z | y] | y_o] = E[z | y_o]; (3) adds the variance that is missing. With W = 0, as in
files of earlier versions, missing features are 0 and sigma is unchanged.

Reference: Tipping and Bishop 1999; Dempster, Laird and Rubin 1977.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FactorsWithGaps(nn.Module):
    """Missing features and the variance of codes given what is observed, equations (2) and (3).

    Args:
        features: number F of features of a row.
        codes: number q of codes.

    Example:
        >>> W = torch.tensor([[0.9], [0.9]])
        >>> factors = FactorsWithGaps(2, 1)
        >>> factors.set(torch.tensor([0, 1]), W, 0.19, torch.zeros(2), torch.ones(2))
        >>> f, wider = factors(torch.tensor([[1.0, 5.0]]), torch.tensor([[True, False]]))
        >>> [round(v, 2) for v in f[0].tolist()], round(wider.exp().item(), 2)
        ([1.0, 0.81], 1.35)
    """

    W: Tensor
    noise: Tensor
    center: Tensor
    scale: Tensor

    def __init__(self, features: int, codes: int):
        super().__init__()
        self.register_buffer("W", torch.zeros(features, codes))
        self.register_buffer("noise", torch.ones(()))
        self.register_buffer("center", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def set(self, seen: Tensor, W: Tensor, noise: float, center: Tensor, scale: Tensor) -> None:
        """Sets the factors of some features; the others have none, and are 0 where they are missing.

        Args:
            seen: places of the features, shape (d,).
            W: their factors, shape (d, q or fewer).
            noise: variance s^2.
            center: their means, shape (d,).
            scale: their standard deviations, shape (d,).
        """
        self.W[seen, : W.shape[1]] = W.to(self.W)
        self.noise.fill_(noise)
        self.center[seen], self.scale[seen] = center.to(self.center), scale.to(self.scale)

    def forward(self, f: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features without gaps, and the log of the factor of sigma, shapes (B, F) and (B, q).

        Args:
            f: features, shape (B, F); missing ones may have any value.
            known: True where observed, shape (B, F).
        """
        y = torch.where(known, (f - self.center) / self.scale, torch.zeros_like(f))
        # (1)
        L = torch.linalg.cholesky(self._precision(known))
        z = torch.cholesky_solve((y @ self.W / self.noise).unsqueeze(2), L).squeeze(2)
        # (2)
        filled = torch.where(known, f, self.center + self.scale * (z @ self.W.T))
        # (3)
        every = torch.linalg.cholesky(self._precision(torch.ones_like(known[:1])))
        wider = 0.5 * (_variances(L).log() - _variances(every).log())
        return filled, torch.where(known.all(1, keepdim=True), torch.zeros_like(wider), wider)

    def _precision(self, known: Tensor) -> Tensor:
        """Returns P of (1), shape (B, q, q)."""
        outer = (self.W.unsqueeze(2) * self.W.unsqueeze(1)).flatten(1) / self.noise
        q = self.W.shape[1]
        return (known.to(outer) @ outer).unflatten(1, (q, q)) + torch.eye(q).to(outer)


def _variances(L: Tensor) -> Tensor:
    """Returns the diagonal of P^-1 for P = L L', shape (B, q)."""
    eye = torch.eye(L.shape[1]).to(L).expand_as(L)
    # P^-1 = L^-T L^-1
    return torch.linalg.solve_triangular(L, eye, upper=False).square().sum(1)
