"""The distribution of whole texts, and of sequences of steps.

Entries of a text are independent given the parameters, each with a softmax over the tokens, and behind the
first end the end is certain:

    log p(x) = sum_(t <= min(L + 1, T)) log softmax(l_t)_(x_t),    L the length of x             (1)

Each text of up to T tokens is one row, and the probabilities of all of them sum to 1. The sum runs from the
first token on, one by one, so that it is the same to the bit however far a row is padded.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Categorical, Distribution, sum_events
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.tokens import counted


@dataclass
class Texts(Categorical):
    """Rows of tokens by equation (1).

    Args:
        logits: shape (B, K, T).
        event_dims: number of trailing dimensions of an observation: 1.
        end: class of the end.

    Example:
        >>> p = Texts(torch.zeros(1, 2, 3), 1, end=0)
        >>> p.log_prob(torch.tensor([[1, 0, 0]])).exp().item()
        0.25
    """

    end: int = 0

    def entries(self, x: Tensor) -> Tensor:
        """Returns the log-softmax at x, and 0 behind the first end."""
        # tokens last: along another dimension, the last bits of an entry depend on T
        log_p = self.logits.movedim(self._dim, -1).contiguous().log_softmax(-1)
        index, _ = torch.broadcast_tensors(x.long().unsqueeze(-1), log_p.narrow(-1, 0, 1))
        entries = log_p.expand(*index.shape[:-1], -1).gather(-1, index).squeeze(-1)
        return torch.where(counted(x, self.end), entries, torch.zeros_like(entries))

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x) by equation (1) in nats, shape (B,).

        Args:
            x: rows, shape (B, T).
            known: True for entries that are summed, shape of x; None: all.
        """
        entries = self.entries(x)
        if known is not None:
            entries = torch.where(known, entries, torch.zeros_like(entries))
        # one by one: a sum in blocks would depend on T in its last bits
        return entries.cumsum(-1)[..., -1]

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws tokens, and puts the end behind the first end."""
        x = super().sample(rng, name)
        return torch.where(counted(x, self.end), x, torch.full_like(x, self.end))


@dataclass
class Stepwise(Distribution):
    """Independent steps of sequences, each with the same kind of distribution.

    Args:
        step: distribution of a step, from parameters of shape (B, T, P, *).
        event_dims: number of trailing dimensions of an observation, with that of the steps.

    Example:
        >>> from simulacra.core.distributions.elementary import Bernoulli
        >>> p = Stepwise(Bernoulli(torch.zeros(1, 3, 2), 1), 2)
        >>> known = torch.tensor([[[True, True], [True, True], [False, False]]])
        >>> round(p.log_prob(torch.ones(1, 3, 2), known).item(), 4)
        -2.7726
    """

    step: Distribution
    event_dims: int

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """True if a step is discrete."""
        return self.step.discrete

    def entries(self, x: Tensor) -> Tensor:
        """Returns the log-probability of each entry of each step, shape (B, T, *)."""
        return self.step.entries(x)

    def steps(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x_t) of each step in nats, shape (B, T).

        Args:
            x: sequences, shape (B, T, *).
            known: True for entries that are summed, shape of x; None: all.
        """
        entries = self.entries(x)
        if known is not None:
            entries = torch.where(known, entries, torch.zeros_like(entries))
        return sum_events(entries, self.event_dims - 1)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws all steps, shape (B, T, *)."""
        return self.step.sample(rng, name)

    @property
    def mean(self) -> Tensor:
        """Expectation of each entry, shape (B, T, *)."""
        return self.step.mean
