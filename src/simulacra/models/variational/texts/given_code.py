"""The distribution of texts given a code: a chain rule with the code in every factor.

    p(x|z) = prod_(t <= min(L + 1, T)) p(x_t | x_<t, z),   L the length of x    (1)
    x^(z)_t = argmax_k p(x_t = k | x^(z)_<t, z)                                  (2)

The factors depend on the tokens before them, so the tokens are not independent given z, as the entries of
other likelihoods are. For a given z this is a model with conditionals, from which `ancestral` draws, with
known tokens held fixed.

Reference: Bowman et al., Generating Sentences from a Continuous Space, 2015. Row E23.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from simulacra.core.capabilities.ancestral import ancestral
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import LikelihoodHead, likelihood_head
from simulacra.core.distributions.texts import Texts
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.tokens import Tokens, counted
from simulacra.nets.sequences.recurrent_text import Reading, TextDecoder

AT_ONCE = 2**24  # logits that are computed at once where no gradient is needed (64 MB in fp32)


@dataclass
class TextsGivenCode(Distribution):
    """p(x|z) by equation (1), for one code of each row or several.

    Args:
        space: space of the texts.
        net: the decoder.
        u: codes, with the features of a condition behind them, shape (*, size).
        dropped: True for tokens that the decoder does not see, shape (*, T); None: it sees all.
    """

    space: Tokens
    net: TextDecoder
    u: Tensor
    dropped: Tensor | None = None
    event_dims = 1
    discrete = True

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x|z) in nats, shape (*).

        Args:
            x: texts, shape (*, T); they broadcast with the codes.
            known: True for tokens whose log-probability is summed, shape of x; None: all.
        """
        n = longest(x, self.space.end)
        known = None if known is None else known[..., :n]
        return self._over_rows(x[..., :n], known, lambda p, x, known: p.log_prob(x, known))

    def entries(self, x: Tensor) -> Tensor:
        """Returns log p(x_t | x_<t, z), and 0 behind the first end, shape (*, T)."""
        return self._over_rows(x, None, lambda p, x, _: p.entries(x))

    def text(self, x: Tensor) -> Texts:
        """Returns the distributions of all tokens given those before them, with logits (B, K, T).

        Args:
            x: texts, shape (B, T), one for each code.
        """
        return cast(Texts, self.head.build(self.parameters_of(x)))

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws a text for each code, shape (B, T)."""
        return self.drawn(rng if name == "x" else rng.at(name))

    def drawn(
        self,
        rng: Rng,
        x: Tensor | None = None,
        known: Tensor | None = None,
        how: Sampling | None = None,
        watch: Watch | None = None,
    ) -> Tensor:
        """Draws a text for each code, token by token, shape (B, T), by `ancestral`.

        Args:
            rng: source of random numbers, with a row for each code.
            x: texts whose known tokens are held fixed, shape (B, T), or None.
            known: True for these, shape of x, or None.
            how: options of drawing; None: the model's own.
            watch: called after each token; None: never.
        """
        chain: Any = self  # it has what `ancestral` asks for, and is no model
        return ancestral(chain, rng, None, x, known, watch, how)

    @property
    def mean(self) -> Tensor:
        """The text of equation (2) for each code, since tokens have no expectation; shape (B, T)."""
        state, tokens = self.begin(self.u.shape[0]), []
        for t in range(self.space.steps):
            # (2)
            tokens.append(self.next_parameters(state, t).argmax(1))
            state = self.advance(state, t, tokens[-1])
        return self.space.closed(torch.stack(tokens, 1))

    # ---- conditionals, as `HasConditionals` names them

    @property
    def order(self) -> Tensor:
        """Tokens are drawn from the first to the last, shape (T,)."""
        return torch.arange(self.space.steps)

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the codes."""
        return self.u.dtype

    @property
    def device(self) -> torch.device:
        """Device of the codes."""
        return self.u.device

    @cached_property
    def head(self) -> LikelihoodHead:
        """Head of whole texts."""
        return likelihood_head(self.space)

    @cached_property
    def entry_head(self) -> LikelihoodHead:
        """Head of one token."""
        return likelihood_head(replace(self.space, shape=()))

    def head_at(self, t: int) -> LikelihoodHead:
        """Returns the head of token t, which is the same for all tokens.

        Args:
            t: not used.
        """
        return self.entry_head

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the logits of each token given those before it, shape (B, K, T).

        Args:
            x: texts, shape (B, T), one for each code.
            c: not used: the condition is part of u.
        """
        return self.net(x.long(), self.u, self.dropped).transpose(1, 2)

    def begin(self, n: int, c: Tensor | None = None) -> Reading:
        """Returns the state before the first token.

        Args:
            n: number of codes.
            c: not used.
        """
        return self.net.begin(self.u)

    def next_parameters(self, state: Reading, t: int) -> Tensor:
        """Returns the logits of token t, shape (B, K).

        Args:
            state: state before the token.
            t: not used.
        """
        return state.y

    def advance(self, state: Reading, t: int, value: Tensor) -> Reading:
        """Returns the state after token t.

        Args:
            state: state before it.
            t: place of the token.
            value: the token, shape (B,).
        """
        return state if t + 1 == self.space.steps else self.net.step(state, value.long())

    # ---- rows

    def _over_rows(
        self, x: Tensor, known: Tensor | None, score: Callable[[Texts, Tensor, Tensor | None], Tensor]
    ) -> Tensor:
        """Returns the scores of texts that broadcast with the codes; in parts if no gradient is needed."""
        lead = torch.broadcast_tensors(x[..., 0], self.u[..., 0])[0].shape
        wide = lambda a: None if a is None else a.expand(*lead, a.shape[-1]).flatten(0, -2)
        dropped = None if self.dropped is None else self.dropped[..., : x.shape[-1]]
        rows = [wide(a) for a in (x, known, self.u, dropped)]
        n = len(cast(Tensor, rows[0]))
        step = n if torch.is_grad_enabled() else max(1, AT_ONCE // (self.space.dims * self.space.classes))
        found = []
        for i in range(0, max(1, n), max(1, step)):
            x_i, known_i, u, dropped = (None if a is None else a[i : i + step] for a in rows)
            assert x_i is not None and u is not None
            p = replace(self, u=u, dropped=dropped).text(x_i)
            found.append(score(p, x_i, known_i))
        return torch.cat(found).unflatten(0, lead)


def longest(x: Tensor, end: int) -> int:
    """Returns the number of tokens of the longest text, with its end; T while a graph is traced.

    Entries behind the longest text are not computed. Rows that are cut there give the same results to the bit
    however far they were padded. A traced graph has to take texts of any length.

    Args:
        x: texts, shape (*, T).
        end: class of the end.

    Example:
        >>> longest(torch.tensor([[3, 2, 0, 0, 0], [3, 0, 0, 0, 0]]), end=0)
        3
    """
    if torch.compiler.is_compiling() or not x.numel():
        return x.shape[-1]
    return int(counted(x, end).sum(-1).max())
