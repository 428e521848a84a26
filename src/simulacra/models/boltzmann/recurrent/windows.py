"""The last n frames of a sequence as a recurrent state, and the linear prediction of a frame from them.

    s_t = D v_t + s_(t-1) R = (v_(t-n+1), ..., v_t),   s_0 = 0                   (1)
    v_t = b + s_(t-1) A + noise                                                  (2)

R moves each frame one place to the front and drops the oldest; D appends v_t. (2) is fitted by ridge
regression of the change v_t - v_(t-1), so that the penalty pulls towards the last frame and not towards 0.

Reference: Taylor, Hinton and Roweis 2007. Row A18.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.ragged import batches_of
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source

RIDGE = 1e-2  # penalty of the regression, as a share of the sum of squares of an entry of the past
LEAST = 1e-3  # smallest scale of the noise


def shift(n: int, d: int) -> Tensor:
    """Returns R of equation (1), shape (n d, n d).

    Args:
        n: number of frames in the state.
        d: number of entries of a frame.

    Example:
        >>> torch.tensor([[1.0, 2.0, 3.0]]) @ shift(3, 1)
        tensor([[2., 3., 0.]])
    """
    return torch.eye(n * d).roll(-d, 1).tril(-1)


def appended(v: Tensor, n: int) -> Tensor:
    """Computes D v of equation (1): the frame in the last place, 0 in the others, shape (*, n d).

    Args:
        v: frames, shape (*, d).
        n: number of frames in the state.
    """
    return torch.cat([v.new_zeros(*v.shape[:-1], (n - 1) * v.shape[-1]), v], -1)


def windows(v: Tensor, n: int) -> Tensor:
    """Returns the n frames before each frame, equation (1) for all frames at once, shape (B, T, n d).

    Args:
        v: frames, shape (B, T, d).
        n: number of frames in the state.

    Example:
        >>> windows(torch.tensor([[[1.0], [2.0], [3.0]]]), 2).tolist()
        [[[0.0, 0.0], [0.0, 1.0], [1.0, 2.0]]]
    """
    padded = torch.cat([v.new_zeros(v.shape[0], n, v.shape[2]), v[:, :-1]], 1)
    # (B, T, d, n) -> (B, T, n d)
    return padded.unfold(1, n, 1).transpose(2, 3).flatten(2)


def regression(source: Source, rng: Rng, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Fits equation (2) by ridge regression.

    Args:
        source: the training split.
        rng: random numbers of the preprocessing.
        n: number of frames in the state.

    Returns:
        A, shape (n d, d); b, shape (d,); and the root mean square of the residuals, shape (d,).
    """
    xx, xy, square = torch.zeros(()), torch.zeros(()), torch.zeros(())
    for frames, valid in batches_of(source, rng):
        x, there = to_float64(frames).cpu(), valid.cpu()
        past, v = windows(x, n)[there], x[there]
        one = torch.cat([past, past.new_ones(len(past), 1)], 1)
        change = v - past[:, -v.shape[1] :]
        xx, xy, square = xx + one.T @ one, xy + one.T @ change, square + change.square().sum(0)
    count = xx[-1, -1]
    # the intercept has no penalty
    penalty = torch.full((len(xx),), float(RIDGE * xx.diagonal()[:-1].mean()), dtype=xx.dtype)
    penalty[-1] = 0.0
    weights = torch.linalg.lstsq(xx + penalty.diag(), xy).solution
    rest = square - 2 * (weights * xy).sum(0) + (weights * (xx @ weights)).sum(0)
    d = weights.shape[1]
    A = weights[:-1]
    A[-d:] += torch.eye(d, dtype=A.dtype)
    return A, weights[-1], (rest / count).clamp_min(LEAST**2).sqrt()
