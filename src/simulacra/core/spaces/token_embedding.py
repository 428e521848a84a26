"""Tokens as points: a space where a small change exists, for models that need gradients through x.

    embed:    y_t = v(x_t)                                                                            (1)
    nearest:  x_t = argmin_k |y_t - v(k)|                                                             (2)

A token is the argmax of scores. It stays the same under small changes of the scores, so its gradient is
zero wherever there is one, and a generator that must learn through it learns nothing. In the space of (1)
samples move by small steps, and only the finished ones are decoded by (2). A *density* there is no score of
tokens: it can be made as large as one likes by a spike on each point (see the page on likelihoods).

Reference: Goodfellow et al. 2014 need differentiable samples; Deep Learning 20.10.4. Row F24.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.spaces.plain import Real


@dataclass(frozen=True)
class Embedding:
    """A point for each token.

    Args:
        vectors: v, shape (tokens, d), all different.

    Raises:
        ValueError: if two tokens have the same point.

    Example:
        >>> embedding = circle(4)
        >>> y = embedding.embed(torch.tensor([[0, 3]]))
        >>> y.shape, embedding.nearest(y + 0.1).tolist()
        (torch.Size([1, 2, 2]), [[0, 3]])
    """

    vectors: Tensor

    def __post_init__(self) -> None:
        apart = torch.cdist(self.vectors, self.vectors)
        twins = torch.triu(apart == 0, diagonal=1).nonzero()
        if len(twins):
            a, b = twins[0].tolist()
            raise ValueError(f"tokens {a} and {b} have the same point, so they could not be told apart.")

    def embed(self, tokens: Tensor) -> Tensor:
        """Equation (1): tokens (B, *) as points, shape (B, *, d).

        Raises:
            ValueError: if a token is unknown.
        """
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(self.vectors):
            raise ValueError(
                f"there are tokens from {int(tokens.min())} to {int(tokens.max())}, but the embedding holds "
                f"points for 0 to {len(self.vectors) - 1}."
            )
        return self.vectors[tokens.long()]

    def nearest(self, points: Tensor) -> Tensor:
        """Equation (2): points (B, *, d) as tokens, shape (B, *)."""
        return torch.cdist(points.flatten(0, -2), self.vectors.to(points)).argmin(1).view(points.shape[:-1])

    def space(self, steps: int) -> Real:
        """Where sequences of so many tokens lie once they are embedded."""
        return Real((steps, self.vectors.shape[1]))


def circle(tokens: int) -> Embedding:
    """Points on the unit circle: each token has two neighbours."""
    angle = torch.arange(tokens) * (2 * math.pi / tokens)
    return Embedding(torch.stack([angle.cos(), angle.sin()], 1))


def corners(tokens: int) -> Embedding:
    """One-hot points: every token is equally far from every other."""
    return Embedding(torch.eye(tokens))
