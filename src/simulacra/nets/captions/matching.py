"""Structured joint embedding: pictures and captions as vectors; their inner product says if they match.

    v = phi(x),   t = psi(c),   s(x, c) = v't                                                     (1)
    l_i = mean over j, c_j != c_i, of (1 + v_i't_j - v_i't_i)_+ + (1 + v_j't_i - v_i't_i)_+      (2)
    e = (t - mean t) / sd t                                                                      (3)

phi is an encoder of pictures and psi one of texts. (2) is the hinge loss of both searches: of the caption of
a picture, and of the picture of a caption. Rows with the same caption are no wrong answers. (2) says nothing
of the common part of all t, which is often most of them; (3) takes it away, entry by entry over training
captions, for networks that are given captions.

Reference: Reed, Akata, Lee and Schiele, Learning Deep Representations of Fine-grained Visual Descriptions,
2016. Row G16.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.numerics.exchange import all_rows
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.nets.coders import build_encoder, default_net
from simulacra.nets.sequences.recurrent_text import TextEncoder


class Matching(nn.Module):
    """Both encoders of equation (1).

    Args:
        space: space of the pictures.
        tokens: space of the captions.
        size: entries of v and t.
        width: features of a token.
        hidden: size of the state of the text encoder.
        channels: channels of the picture encoder after each halving of the side, or sizes of the layers of a
            fully connected one for sides below 16; None: the defaults of `default_net`.

    Attributes:
        shift: mean of (3); 0 until `fit_scale`.
        scale: standard deviation of (3); 1 until `fit_scale`.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> net = Matching(Levels((1, 8, 8), 4), Tokens((5,), 7), 3, width=2, hidden=4)
        >>> net.of_pictures(torch.zeros(2, 1, 8, 8)).shape, net.of_captions(torch.zeros(2, 5)).shape
        (torch.Size([2, 3]), torch.Size([2, 3]))
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        space: Space,
        tokens: Tokens,
        size: int,
        width: int = 32,
        hidden: int = 64,
        channels: Sequence[int] | None = None,
    ):
        super().__init__()
        net, sizes = default_net(space, "auto", None if channels is None else tuple(channels))
        self.tokens = tokens
        self.picture = build_encoder(space, size, net, sizes, None, "relu")
        self.text = TextEncoder(tokens.classes, width, hidden, size)
        self.register_buffer("shift", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def of_pictures(self, h: Tensor) -> Tensor:
        """Returns v, shape (B, size).

        Args:
            h: features of pictures, shape (B, C, H, W).
        """
        v: Tensor = self.picture(h)
        return v

    def of_captions(self, c: Tensor) -> Tensor:
        """Returns t, shape (B, size), which does not depend on how far a caption is padded.

        Args:
            c: captions, shape (B, T).
        """
        c = c.long()
        # up to the first end
        last = self.tokens.lengths(c).clamp_max(c.shape[1] - 1)
        t: Tensor = self.text(c, last)
        return t

    @torch.no_grad()
    def vectors(self, c: Tensor) -> Tensor:
        """Returns e of equation (3), shape (B, size), without gradient.

        Args:
            c: captions, shape (B, T).
        """
        # (3)
        return (self.of_captions(c) - self.shift) / self.scale

    @torch.no_grad()
    def fit_scale(self, c: Tensor) -> None:
        """Sets mean and standard deviation of (3); entries that do not vary keep the scale 1.

        Args:
            c: captions of training rows, shape (B, T).
        """
        t = self.of_captions(c).double()
        spread = t.std(0, correction=0)
        self.shift.copy_(t.mean(0))
        self.scale.copy_(torch.where(spread > 1e-6 * t.abs().amax(0), spread, torch.ones_like(spread)))


def ranking_loss(v: Tensor, t: Tensor, c: Tensor) -> Tensor:
    """Computes equation (2) over the rows of all processes, shape (B,); 0 for a row without wrong answers.

    Args:
        v: vectors of pictures, shape (B, size).
        t: vectors of their captions, shape (B, size).
        c: the captions, shape (B, T).

    Example:
        >>> one = torch.eye(2)
        >>> ranking_loss(one, one, torch.tensor([[1], [2]])).tolist()
        [0.0, 0.0]
        >>> ranking_loss(one, one.flip(0), torch.tensor([[1], [2]])).tolist()
        [4.0, 4.0]
    """
    every_v, every_t = all_rows(v), all_rows(t)
    wrong = ~same_captions(c, every_captions(c))
    own = (v * t).sum(1, keepdim=True)
    # (2)
    lost = F.relu(1 + v @ every_t.T - own) + F.relu(1 + t @ every_v.T - own)
    return (lost * wrong).sum(1) / wrong.sum(1).clamp_min(1)


def every_captions(c: Tensor) -> Tensor:
    """Returns the captions of all processes in their order, int64, shape (N, T).

    Args:
        c: the captions of this process, shape (B, T).
    """
    return all_rows(c.long())


def same_captions(a: Tensor, b: Tensor) -> Tensor:
    """Returns True where a caption of `a` is equal to one of `b`, shape (A, B).

    Args:
        a: captions, shape (A, T).
        b: captions, shape (B, T).
    """
    return (a.long().unsqueeze(1) == b.long()).all(2)
