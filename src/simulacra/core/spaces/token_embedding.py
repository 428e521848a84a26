"""Token embeddings: points in a continuous space, for models that need gradients with respect to x.

    embed:    y_t = v(x_t)                                                                            (1)
    nearest:  x_t = argmin_k |y_t - v(k)|                                                             (2)

A token is the argmax of scores. It does not change under small changes of the scores, so its gradient is
zero almost everywhere, and a generator cannot learn through it. In the space of (1), samples change
continuously, and only finished samples are decoded by (2). A *density* in that space is no score of tokens:
a spike on each point makes it arbitrarily large (see the page on likelihoods).

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
        """Maps tokens (B, *) to points by equation (1), shape (B, *, d).

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
        """Maps points (B, *, d) to tokens by equation (2), shape (B, *)."""
        return torch.cdist(points.flatten(0, -2), self.vectors.to(points)).argmin(1).view(points.shape[:-1])

    def space(self, steps: int) -> Real:
        """Returns the space of embedded sequences of `steps` tokens."""
        return Real((steps, self.vectors.shape[1]))


def circle(tokens: int) -> Embedding:
    """Returns points on the unit circle, where each token has two neighbours."""
    angle = torch.arange(tokens) * (2 * math.pi / tokens)
    return Embedding(torch.stack([angle.cos(), angle.sin()], 1))


def corners(tokens: int) -> Embedding:
    """Returns one-hot points, where all tokens have the same distance."""
    return Embedding(torch.eye(tokens))
