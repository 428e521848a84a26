"""Ends of texts that are drawn token by token.

Behind the end of a row stands nothing but the end. A row with a known token further on cannot end before,

    p(x_t | x_<t, x_t is not the end) = p(x_t | x_<t) / (1 - p(end | x_<t))                       (1)

so the end is taken out of its draws up to there, and the denominators belong to the weight of the draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Categorical, Distribution
from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.tokens import Tokens

Given = tuple[Tensor, Tensor] | None  # rows, and True for their known entries


@dataclass
class Ends:
    """Rows that are over, while tokens are drawn from the first to the last.

    Args:
        end: class of the end.
        over: True for rows that had their end, shape (B,).
        last: place of the last known token of each row that is not the end, -1 without one, shape (B,).
    """

    end: int
    over: Tensor
    last: Tensor

    @classmethod
    def of(cls, space: Space, rows: Tensor, given: Given) -> Ends | None:
        """Returns the ends of rows before the first draw; None for a space without ends.

        Args:
            space: space of the rows.
            rows: the rows to be drawn, shape (B, T), which are filled with the end.
            given: given rows, and True for their known entries, or None.
        """
        if not isinstance(space, Tokens):
            return None
        rows.fill_(space.end)
        none = torch.full((len(rows),), -1, device=rows.device)
        last = none if given is None else last_known(space, *given)
        return cls(space.end, torch.zeros_like(none, dtype=torch.bool), last)

    @property
    def all_over(self) -> bool:
        """True if every row had its end."""
        return bool(len(self.over)) and bool(self.over.all())

    def open(self, p: Distribution, t: int) -> Distribution:
        """Returns the distribution of token t without the end in rows that must go on, by equation (1).

        Args:
            p: distribution of the token, with logits of shape (B, K).
            t: place of the token.
        """
        goes_on = self.last > t
        if not bool(goes_on.any()):
            return p
        assert isinstance(p, Categorical)
        logits = p.logits.clone()
        logits[goes_on, self.end] = -torch.inf
        return Categorical(logits, p.event_dims)

    def after(self, value: Tensor) -> Tensor:
        """Returns drawn tokens, the end in rows that are over, and notes which rows end here.

        Args:
            value: tokens, shape (B,).
        """
        value = torch.where(self.over, torch.full_like(value, self.end), value)
        self.over = self.over | (value == self.end)
        return value


def last_known(space: Tokens, x: Tensor, known: Tensor) -> Tensor:
    """Returns the place of the last known token of each row that is not the end, -1 without one, shape (B,).

    Args:
        space: space of the rows.
        x: rows, shape (B, T).
        known: True where known, shape of x.
    """
    places = torch.arange(x.shape[1], device=x.device).expand_as(x)
    return torch.where(known & (x != space.end), places, -1).amax(1)


def log_open(space: Space, p: Distribution, x: Tensor, known: Tensor) -> Tensor | float:
    """Returns the logarithm of the denominators of equation (1), in nats, shape (B,); 0 without ends.

    Args:
        space: space of the rows.
        p: distribution of the tokens of each row, with logits of shape (B, K, T).
        x: rows, shape (B, T).
        known: True where known, shape of x.
    """
    if not isinstance(space, Tokens):
        return 0.0
    assert isinstance(p, Categorical)
    last = last_known(space, x, known).unsqueeze(1)
    drawn = ~known & (torch.arange(x.shape[1], device=x.device) < last)
    log_p = p.logits.log_softmax(1)
    others = torch.ones(space.classes, dtype=torch.bool, device=x.device)
    others[space.end] = False
    return torch.where(drawn, log_p[:, others].logsumexp(1), 0.0).sum(1)
