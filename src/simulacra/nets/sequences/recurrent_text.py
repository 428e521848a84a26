"""Recurrent networks of texts: from a text to a vector, and from a vector to a text, token by token.

    h_t = GRU(E x_t, h_(t-1)),   h_0 = 0,   y = A [h_n, f]                       (1)
    s_t = GRU([D x_(t-1), u], s_(t-1)),   s_(-1) = tanh(B u),   y_t = Y s_t      (2)

x are the tokens, n the place of the last token that is read, f the features of a condition, and u the vector,
which the decoder receives at every token. Two further tokens are inputs of the decoder only: one stands
before the first token, the other replaces each dropped token.

Reference: Cho et al. 2014 (GRU); Bowman et al., Generating Sentences from a Continuous Space, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


class TextEncoder(nn.Module):
    """Equation (1): a vector of each text.

    Args:
        tokens: number of tokens K.
        width: number of features of a token.
        hidden: size of h.
        out: size of y.
        condition: number of features of the condition; 0 without one.

    Example:
        >>> net = TextEncoder(7, width=3, hidden=5, out=2)
        >>> net(torch.tensor([[6, 1, 0]]), torch.tensor([2])).shape
        torch.Size([1, 2])
    """

    def __init__(self, tokens: int, width: int, hidden: int, out: int, condition: int = 0):
        super().__init__()
        self.E = nn.Embedding(tokens, width)
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.A = nn.Linear(hidden + condition, out)

    def forward(self, x: Tensor, last: Tensor, f: Tensor | None = None) -> Tensor:
        """Computes y, shape (B, out).

        Args:
            x: tokens, shape (B, T).
            last: place n of the last token that is read, shape (B,); -1: none is.
            f: features of the condition, shape (B, condition), or None.
        """
        # (1)
        h, _ = self.gru(self.E(x))
        at = last.clamp_min(0).view(-1, 1, 1).expand(-1, 1, h.shape[2])
        h_n = h.gather(1, at).squeeze(1)
        h_n = torch.where((last < 0).unsqueeze(1), torch.zeros_like(h_n), h_n)
        y: Tensor = self.A(h_n if f is None else torch.cat([h_n, f], 1))
        return y


@dataclass(frozen=True)
class Reading:
    """The state of a decoder before token t.

    Args:
        u: the vector, shape (B, size).
        s: state of the GRU, shape (1, B, hidden).
        y: outputs of token t, shape (B, K).
    """

    u: Tensor
    s: Tensor
    y: Tensor


class TextDecoder(nn.Module):
    """Equation (2): outputs of each token from a vector and the tokens before.

    Args:
        tokens: number of tokens K.
        width: number of features of a token.
        hidden: size of s.
        size: size of u.

    Example:
        >>> net = TextDecoder(7, width=3, hidden=5, size=2)
        >>> net(torch.tensor([[6, 1, 0]]), torch.zeros(1, 2)).shape
        torch.Size([1, 3, 7])
    """

    def __init__(self, tokens: int, width: int, hidden: int, size: int):
        super().__init__()
        self.first, self.dropped = tokens, tokens + 1
        self.D = nn.Embedding(tokens + 2, width)
        self.B = nn.Linear(size, hidden)
        self.gru = nn.GRU(width + size, hidden, batch_first=True)
        self.Y = nn.Linear(hidden, tokens)

    def forward(self, x: Tensor, u: Tensor, dropped: Tensor | None = None) -> Tensor:
        """Computes the outputs of all tokens, shape (B, T, K).

        Args:
            x: tokens, shape (B, T).
            u: vectors, shape (B, size).
            dropped: True for tokens that the decoder does not see, shape (B, T); None: it sees all.
        """
        seen = x if dropped is None else torch.where(dropped, torch.full_like(x, self.dropped), x)
        before = torch.cat([torch.full_like(seen[:, :1], self.first), seen[:, :-1]], 1)
        inputs = torch.cat([self.D(before), u.unsqueeze(1).expand(-1, x.shape[1], -1)], 2)
        # (2)
        s, _ = self.gru(inputs, self._start(u))
        y: Tensor = self.Y(s)
        return y

    def begin(self, u: Tensor) -> Reading:
        """Returns the state before the first token.

        Args:
            u: vectors, shape (B, size).
        """
        first = torch.full((u.shape[0],), self.first, device=u.device)
        return self._after(u, self._start(u), first)

    def step(self, state: Reading, x: Tensor) -> Reading:
        """Returns the state after a token.

        Args:
            state: the state before it.
            x: the token, shape (B,).
        """
        return self._after(state.u, state.s, x)

    def _start(self, u: Tensor) -> Tensor:
        return torch.tanh(self.B(u)).unsqueeze(0)

    def _after(self, u: Tensor, s: Tensor, x: Tensor) -> Reading:
        # (2)
        _, s = self.gru(torch.cat([self.D(x), u], 1).unsqueeze(1), s)
        return Reading(u, s, self.Y(s[0]))
